//! Has Postgres itself note every write to an instance, in the transaction that makes it; and reads at the end what is there.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio_postgres::{Client, Row as Line};

use super::checker::{Claim, Cut, Logged, Row, Write};
use super::recorder::{Recorder, digest};

/// The process that writes says who it is in the options of its connections. The trigger runs as its owner, because the
/// platform's role may not write here.
const INSTALL: &str = "
    CREATE SCHEMA chaos;
    CREATE TABLE chaos.writes (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        instance text NOT NULL, process text, request text,
        old_owner text, old_epoch bigint, old_status text, old_desired text, old_revision bigint,
        new_owner text, new_epoch bigint, new_status text, new_desired text, new_revision bigint,
        owner_lived boolean NOT NULL, was_overdue boolean NOT NULL, changes_nothing boolean NOT NULL,
        changes_work boolean NOT NULL
    );
    CREATE INDEX ON chaos.writes (instance);
    -- A replica whose lease was over, and which came back. A claim that is under way then has found it dead, rightly.
    CREATE TABLE chaos.lapses (replica text NOT NULL, at timestamptz NOT NULL);
    CREATE FUNCTION chaos.note_lapse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO chaos.lapses VALUES (NEW.id, clock_timestamp());
        RETURN NULL;
    END $$;
    CREATE TRIGGER z_chaos AFTER UPDATE ON public.replicas
    FOR EACH ROW WHEN (public.replica_is_stale(OLD.beat_at, OLD.lease_ms)) EXECUTE FUNCTION chaos.note_lapse();
    -- What retention takes away, and when. Nobody sees it gone before its transaction is over.
    CREATE TABLE chaos.cut (LIKE public.event_outbox, at timestamptz NOT NULL);
    CREATE FUNCTION chaos.keep_cut() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        -- Once: in the SELECT it would be another one for each row.
        now timestamptz := clock_timestamp();
    BEGIN
        INSERT INTO chaos.cut SELECT gone.*, now FROM gone;
        RETURN NULL;
    END $$;
    CREATE TRIGGER z_chaos AFTER DELETE ON public.event_outbox REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION chaos.keep_cut();
    CREATE FUNCTION chaos.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        lived boolean := false;
    BEGIN
        IF OLD.owner_replica IS NOT NULL AND OLD.owner_epoch IS DISTINCT FROM NEW.owner_epoch THEN
            lived := EXISTS (
                SELECT FROM public.replicas r
                WHERE r.id = OLD.owner_replica AND NOT public.replica_is_stale(r.beat_at, r.lease_ms)
            ) AND NOT EXISTS (
                SELECT FROM chaos.lapses
                WHERE replica = OLD.owner_replica::text AND at > clock_timestamp() - interval '2 s'
            );
        END IF;
        INSERT INTO chaos.writes (
            instance, process, request, old_owner, old_epoch, old_status, old_desired, old_revision,
            new_owner, new_epoch, new_status, new_desired, new_revision, owner_lived, was_overdue, changes_nothing, changes_work
        ) VALUES (
            coalesce(NEW.id, OLD.id), coalesce(current_setting('chaos.process', true), ''),
            CASE WHEN NEW.request_id IS DISTINCT FROM OLD.request_id THEN NEW.request_id END,
            OLD.owner_replica, OLD.owner_epoch, OLD.status, OLD.desired_state, OLD.revision,
            NEW.owner_replica, NEW.owner_epoch, NEW.status, NEW.desired_state, NEW.revision,
            lived,
            coalesce(coalesce(OLD.deadline_at, OLD.updated_at + interval '8 s') < clock_timestamp(), false),
            TG_OP = 'UPDATE' AND to_jsonb(OLD) = to_jsonb(NEW),
            TG_OP = 'UPDATE' AND (OLD.deadline_at, OLD.attempts, OLD.status_reason, OLD.observed_revision)
                IS DISTINCT FROM (NEW.deadline_at, NEW.attempts, NEW.status_reason, NEW.observed_revision)
        );
        RETURN NULL;
    END $$;
    CREATE TRIGGER z_chaos AFTER INSERT OR UPDATE OR DELETE ON public.instances
    FOR EACH ROW EXECUTE FUNCTION chaos.note();
";

/// What stands in the options of a connection of that life of a process.
pub(super) fn option(process: &str) -> String {
    format!("options=-c%20chaos.process%3D{process}")
}

pub(super) async fn install(sql: &Client) {
    sql.batch_execute(INSTALL).await.unwrap();
}

/// Every committed write, each instance's in their order: the row was locked when its number was taken.
pub(super) async fn writes(sql: &Client) -> Vec<Write> {
    let lines = sql.query("SELECT * FROM chaos.writes ORDER BY seq", &[]).await.unwrap();
    let write = |line: &Line| Write {
        instance: line.get("instance"),
        process: line.get("process"),
        request: line.get("request"),
        before: claim(line, "old"),
        after: claim(line, "new"),
        changes_nothing: line.get("changes_nothing"),
        owner_lived: line.get("owner_lived"),
        was_overdue: line.get("was_overdue"),
        changes_work: line.get("changes_work"),
    };
    lines.iter().map(write).collect()
}

fn claim(line: &Line, side: &str) -> Option<Claim> {
    let column = |name: &str| format!("{side}_{name}");
    Some(Claim {
        status: line.get::<_, Option<String>>(column("status").as_str())?,
        owner: line.get(column("owner").as_str()),
        epoch: line.get(column("epoch").as_str()),
        desired: line.get(column("desired").as_str()),
        revision: line.get(column("revision").as_str()),
    })
}

/// The whole event log, with what retention has taken away.
pub(super) async fn log(sql: &Client, recorder: &Recorder) -> Vec<Logged> {
    let columns = "id, position, event_id::text, routing_key, user_id::text, team_id::text, occurred_at, revision, body";
    // In one statement: it may be taken away while it is read.
    let query =
        format!("SELECT {columns} FROM event_outbox UNION ALL SELECT {columns} FROM chaos.cut ORDER BY id");
    let lines = sql.query(&query, &[]).await.unwrap();
    let logged = |line: &Line| {
        let body: Value = line.get("body");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Logged {
            position: line.get("position"),
            event: line.get("event_id"),
            key: line.get("routing_key"),
            at: recorder.moment_of(line.get("occurred_at")),
            user: line.get("user_id"),
            team: line.get("team_id"),
            instance: text(&body["instance_id"]),
            revision: line.get("revision"),
            status: text(&body["status"]),
            epoch: body["metadata"]["owner_epoch"].as_i64(),
            mark: text(&body["config"]["user_config"]["mark"]),
            digest: digest(&body),
        }
    };
    lines.iter().map(logged).collect()
}

/// Where the log was cut.
pub(super) async fn cuts(sql: &Client, recorder: &Recorder) -> Vec<Cut> {
    let query = "SELECT at, max(position) AS position FROM chaos.cut GROUP BY at ORDER BY at";
    let cut = |line: &Line| Cut { at: recorder.moment_of(line.get("at")), to: line.get("position") };
    sql.query(query, &[]).await.unwrap().iter().map(cut).collect()
}

/// The instances as they are.
pub(super) async fn rows(sql: &Client) -> Vec<Row> {
    let query = "SELECT i.id::text AS instance, status, desired_state AS desired, status_reason AS reason, revision,
            EXISTS (
                SELECT FROM replicas r WHERE r.id = i.owner_replica AND NOT replica_is_stale(r.beat_at, r.lease_ms)
            ) AS is_kept
        FROM instances i";
    let lines = sql.query(query, &[]).await.unwrap();
    let row = |line: &Line| Row {
        instance: line.get("instance"),
        status: line.get("status"),
        desired: line.get("desired"),
        reason: line.get("reason"),
        revision: line.get("revision"),
        is_kept: line.get("is_kept"),
    };
    lines.iter().map(row).collect()
}

/// The bodies of the messages that nobody could read.
pub(super) async fn dead_letters(sql: &Client) -> BTreeSet<String> {
    let query = "SELECT convert_from(body, 'UTF8') FROM dead_letters";
    sql.query(query, &[]).await.unwrap().iter().map(|line| line.get(0)).collect()
}
