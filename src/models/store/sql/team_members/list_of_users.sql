-- One question in each place. The revision tells how new this is: an event that is no newer says nothing more.
SELECT asked.place, m.team_id, team.revision
FROM unnest($1::uuid[], $2::text[], $3::uuid[]) WITH ORDINALITY AS asked (user_id, roles, team_only, place)
CROSS JOIN LATERAL (
    SELECT member.team_id
    FROM team_members member
    WHERE
        member.user_id = asked.user_id
        AND member.role = ANY (string_to_array(asked.roles, ','))
        AND member.team_id = coalesce(asked.team_only, member.team_id)
    OFFSET 0
) AS m
CROSS JOIN LATERAL (SELECT t.revision FROM teams t WHERE t.id = m.team_id OFFSET 0) AS team
