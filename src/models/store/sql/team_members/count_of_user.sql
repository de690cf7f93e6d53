SELECT count(*) AS teams
FROM team_members
WHERE user_id = $1
