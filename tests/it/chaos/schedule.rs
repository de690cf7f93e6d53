//! Which faults are made, in which order, and for how long.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::faults::FaultKind;

/// What a run does. All of it follows from the environment.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    pub(super) seed: u64,
    /// After so long no further fault is made. None: each is made once.
    pub(super) minutes: Option<f64>,
    pub(super) kinds: Vec<FaultKind>,
    pub(super) rabbitmq_nodes: u8,
}

impl Schedule {
    /// The short form, unless `BOTBERI_CHAOS_MINUTES` says how long; `BOTBERI_CHAOS_SEED` repeats an order,
    /// `BOTBERI_CHAOS_FAULTS` names the kinds, `BOTBERI_CHAOS_NODES` makes RabbitMQ a cluster.
    pub(super) fn of_the_environment() -> Self {
        let number = |name: &str| {
            let text = std::env::var_os(name).filter(|text| !text.is_empty())?.into_string().unwrap();
            Some(text.parse::<f64>().unwrap_or_else(|error| panic!("{name}: {error}")))
        };
        let minutes = number("BOTBERI_CHAOS_MINUTES");
        let rabbitmq_nodes = number("BOTBERI_CHAOS_NODES").map_or(1, |nodes| nodes as u8);
        let seed =
            number("BOTBERI_CHAOS_SEED").map_or_else(|| rand::random_range(0..1_000_000), |seed| seed as u64);
        let named = std::env::var_os("BOTBERI_CHAOS_FAULTS").filter(|names| !names.is_empty());
        let kinds = match named {
            Some(names) => names.to_string_lossy().split(',').map(kind_of).collect(),
            None => {
                let fits = |kind: &&FaultKind| {
                    let has_nodes = **kind != FaultKind::KillClusterNode || rabbitmq_nodes > 1;
                    has_nodes && (minutes.is_some() || kind.is_quick())
                };
                FaultKind::ALL.iter().filter(fits).copied().collect()
            }
        };
        Self { seed, minutes, kinds, rabbitmq_nodes }
    }

    /// How many replicas are processes, beside the one that is not.
    pub(super) fn processes(&self) -> usize {
        if self.minutes.is_none() { 2 } else { 3 }
    }

    /// Whether the run is over after these faults and so long.
    pub(super) fn is_over(&self, made: usize, after: Duration) -> bool {
        match self.minutes {
            None => made >= self.kinds.len(),
            Some(minutes) => after.as_secs_f64() > minutes * 60.0,
        }
    }

    /// Each kind once in a random order, then all of them again, without an end.
    pub(super) fn faults(&self) -> impl Iterator<Item = FaultKind> + use<> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let kinds = self.kinds.clone();
        let mut round = Vec::new();
        std::iter::repeat_with(move || {
            if round.is_empty() {
                round.clone_from(&kinds);
                round.shuffle(&mut random);
            }
            round.pop().expect("some kind is named")
        })
    }

    /// How long all is well between two faults, after everything works again.
    pub(super) fn peace(&self, random: &mut StdRng) -> Duration {
        let ms = if self.minutes.is_none() { 500..2_000 } else { 1_000..6_000 };
        Duration::from_millis(random.random_range(ms))
    }
}

fn kind_of(name: &str) -> FaultKind {
    let kind = FaultKind::ALL.iter().find(|kind| kind.name() == name.trim());
    *kind.unwrap_or_else(|| {
        panic!("no fault is called {name}: {:?}", FaultKind::ALL.iter().map(|kind| kind.name()))
    })
}
