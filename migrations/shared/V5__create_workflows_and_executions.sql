-- Why: the other two seed tables. Both are histories: they outlive the agents and instances they name.
SET LOCAL lock_timeout = '5s';

CREATE TABLE workflows (
    id uuid PRIMARY KEY DEFAULT uuid_v7(),
    user_id uuid NOT NULL,
    team_id uuid,
    name varchar(255) NOT NULL,
    tasks jsonb NOT NULL,
    status text NOT NULL DEFAULT 'pending' CONSTRAINT workflows_status_check
        CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    results jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT workflows_tasks_check CHECK (jsonb_typeof(tasks) = 'array'),
    CONSTRAINT workflows_results_check CHECK (jsonb_typeof(results) = 'array')
);

CREATE INDEX workflows_of_user ON workflows (user_id, id DESC);

CREATE TABLE agent_executions (
    id uuid PRIMARY KEY DEFAULT uuid_v7(),
    instance_id uuid CONSTRAINT agent_executions_instance_id_fkey REFERENCES instances (id) ON DELETE SET NULL,
    workflow_id uuid CONSTRAINT agent_executions_workflow_id_fkey REFERENCES workflows (id) ON DELETE SET NULL,
    agent_id integer NOT NULL,
    user_id uuid NOT NULL,
    team_id uuid,
    status text NOT NULL DEFAULT 'queued' CONSTRAINT agent_executions_status_check
        CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    input jsonb NOT NULL DEFAULT '{}',
    context jsonb NOT NULL DEFAULT '{}',
    result jsonb,
    metadata jsonb NOT NULL DEFAULT '{}',
    error text,
    processing_time_ms double precision,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX agent_executions_of_user ON agent_executions (user_id, id DESC);
CREATE INDEX agent_executions_of_instance ON agent_executions (instance_id, id DESC) WHERE instance_id IS NOT NULL;
CREATE INDEX agent_executions_of_workflow ON agent_executions (workflow_id, id) WHERE workflow_id IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON workflows, agent_executions TO botberi;
