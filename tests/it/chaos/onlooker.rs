//! Looks at the rows and at the processes during the run, past every fault proxy.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use tokio_postgres::{Client, NoTls};

use super::auditing::UNSEALED;
use super::checker::Look;
use super::recorder::Recorder;

const EVERY: Duration = Duration::from_millis(300);
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Rows that wait for somebody: past their deadline, or with no owner that lives; and who owns anything.
const LOOK: &str = "
    WITH living AS (SELECT id FROM replicas WHERE NOT replica_is_stale(beat_at, lease_ms)), row AS (
        SELECT i.id::text AS id, i.owner_replica::text AS owner,
            instance_needs_work(i.desired_state, i.status) AS is_on_its_way,
            -- An owner that has not looked at a wish yet has as long for it as for anything else (8 s in these runs).
            coalesce(i.deadline_at < clock_timestamp(),
                i.owner_replica IS NOT NULL AND i.updated_at < clock_timestamp() - interval '8 s') AS is_overdue,
            i.owner_replica IS NULL OR i.owner_replica NOT IN (SELECT living.id FROM living) AS is_nobodys,
            i.status = 'running' AND i.desired_state = 'running' AS runs
        FROM instances i
    )
    SELECT id, owner, is_on_its_way AND is_overdue AS is_overdue,
        (is_on_its_way OR runs) AND is_nobodys AS is_unattended
    FROM row WHERE is_on_its_way OR runs";

/// What was seen. It only ever grows.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) looks: Mutex<Vec<Look>>,
    /// The most memory that each life of a process had, in KiB.
    pub(super) memory: Mutex<BTreeMap<String, u64>>,
    /// The processes that live: their names and numbers.
    pub(super) processes: Mutex<BTreeMap<String, u32>>,
}

impl Seen {
    /// Whether a look since then saw none of these as an owner. One that was halted may own something again by now.
    pub(super) fn was_free_of(&self, owners: &BTreeSet<String>, since: Duration) -> bool {
        let looks = self.looks.lock().unwrap();
        looks.iter().rev().take_while(|look| look.at >= since).any(|look| look.owners.is_disjoint(owners))
    }

    fn weigh(&self) {
        let processes = self.processes.lock().unwrap().clone();
        for (name, pid) in processes {
            if let Some(kib) = memory_peak_kib(pid) {
                let mut memory = self.memory.lock().unwrap();
                let most = memory.entry(name).or_default();
                *most = kib.max(*most);
            }
        }
    }
}

/// Until it is dropped.
pub(super) async fn look_on(url: String, seen: std::sync::Arc<Seen>, recorder: Recorder) {
    let mut sql: Option<Client> = None;
    loop {
        tokio::time::sleep(EVERY).await;
        seen.weigh();
        if sql.is_none() {
            let connecting = tokio::time::timeout(ANSWERS_WITHIN, tokio_postgres::connect(&url, NoTls)).await;
            let Ok(Ok((client, connection))) = connecting else { continue };
            tokio::spawn(connection);
            sql = Some(client);
        }
        let Some(client) = &sql else { continue };
        match tokio::time::timeout(ANSWERS_WITHIN, look(client, &recorder)).await {
            Ok(Ok(look)) => seen.looks.lock().unwrap().push(look),
            _away => sql = None,
        }
    }
}

async fn look(sql: &Client, recorder: &Recorder) -> Result<Look, tokio_postgres::Error> {
    let lines = sql.query(LOOK, &[]).await?;
    let mut look = Look { at: recorder.now(), ..Look::default() };
    for line in lines {
        let id: String = line.get("id");
        look.owners.extend(line.get::<_, Option<String>>("owner"));
        if line.get("is_overdue") {
            look.overdue.insert(id.clone());
        }
        if line.get("is_unattended") {
            look.unattended.insert(id);
        }
    }
    let unsealed = sql.query(UNSEALED, &[]).await?;
    look.unsealed.extend(unsealed.iter().map(|line| line.get::<_, String>(0)));
    Ok(look)
}

/// `VmHWM`: the most that it ever had.
fn memory_peak_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
