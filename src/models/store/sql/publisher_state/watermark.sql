SELECT last_position
FROM publisher_state
WHERE singleton
