UPDATE team_members
SET role = $3
WHERE team_id = $1 AND user_id = $2
