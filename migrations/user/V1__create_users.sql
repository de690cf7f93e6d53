-- Why: the accounts. This database knows people and nothing of what they run: agents and instances are never stored here.
SET LOCAL lock_timeout = '5s';

CREATE TABLE users (
    id uuid PRIMARY KEY,
    username varchar(255) NOT NULL,
    email varchar(320),
    password_hash varchar(255) NOT NULL,
    role text NOT NULL DEFAULT 'developer' CONSTRAINT users_role_check CHECK (role IN ('admin', 'developer', 'viewer')),
    disabled_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- "Ada" and "ada" are one person.
CREATE UNIQUE INDEX users_username_key ON users (lower(username));
CREATE UNIQUE INDEX users_email_key ON users (lower(email)) WHERE email IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON users TO botberi;
