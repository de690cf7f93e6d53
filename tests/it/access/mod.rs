//! Who may do what: every operation of every document, asked by everybody, compared with the permission that it declares.
//!
//! An operation without a row in `rows` fails the test. What is expected follows from the document and the policy, not from the rows:
//! they only say how a good request looks and whose things it touches.

mod dumps;
mod measure;
mod rows;
mod world;

use std::collections::BTreeMap;

use botberi::actors::policies::{Policy, PolicyFiles};
use botberi::models::{Permission, Role, TeamRole};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use self::rows::{Of, Row, rows};
use self::world::{Actor, World};
use crate::contract::openapi::parsed;

/// Cells that are looked at together.
const ASKED_AT_ONCE: usize = 7;

/// What an operation asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asks {
    Nothing,
    /// Somebody who is signed in; an API key is not.
    SignIn,
    May(Permission),
}

/// What somebody has to be answered.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Good,
    Is(u16),
}

fn asked(operation: &Value) -> Asks {
    let wants = operation["security"].as_array().unwrap();
    let Some(scopes) = wants.iter().find_map(|want| want.get("bearer")) else { return Asks::Nothing };
    match scopes.as_array().unwrap().first() {
        Some(scope) => Asks::May(scope.as_str().unwrap().parse().unwrap()),
        None => Asks::SignIn,
    }
}

fn expected(policy: &Policy, row: &Row, asks: Asks, actor: Actor) -> Expected {
    let needed = match (asks, actor) {
        (Asks::Nothing, _) | (Asks::SignIn, Actor::Revoked) => return Expected::Good,
        (_, Actor::Nobody | Actor::Revoked | Actor::Expired) => return Expected::Is(401),
        (Asks::SignIn, Actor::KeyWithOnly | Actor::KeyWithout | Actor::AdminKey | Actor::TeamKey) => {
            return Expected::Is(401);
        }
        (Asks::SignIn, _) => return Expected::Good,
        (Asks::May(needed), _) => needed,
    };
    let may = |needed: Permission| match actor {
        Actor::KeyWithout => false,
        Actor::KeyWithOnly => needed.is_for_keys(),
        Actor::TeamKey => policy.of_role(Role::Developer).has(needed) && needed.is_for_team_keys(),
        Actor::Admin | Actor::AdminKey => {
            policy.of_role(Role::Admin).has(needed) && (actor == Actor::Admin || needed.is_for_keys())
        }
        Actor::Viewer => policy.of_role(Role::Viewer).has(needed),
        _ => policy.of_role(Role::Developer).has(needed),
    };
    let is_allowed = may(needed) && row.also.is_none_or(may);
    let team_role = match actor {
        Actor::Owner | Actor::KeyWithout | Actor::KeyWithOnly | Actor::TeamKey => Some(TeamRole::Owner),
        Actor::Mate => Some(TeamRole::Developer),
        Actor::MateViewer => Some(TeamRole::Viewer),
        _ => None,
    };
    match (is_allowed, row.of, team_role) {
        (false, ..) => Expected::Is(403),
        (true, Of::Owner, _) if !actor.is_owner() => Expected::Is(404),
        (true, Of::Team, None) => Expected::Is(404),
        (true, Of::Team, Some(role))
            if !policy.of_team_role(role).has(needed)
                || row.also.is_some_and(|also| !policy.of_team_role(role).has(also)) =>
        {
            Expected::Is(403)
        }
        (true, ..) => Expected::Good,
    }
}

#[actix::test]
async fn everybody_can_do_what_is_declared_and_nothing_else() {
    let policy = PolicyFiles::new("").load().unwrap();
    let world = World::build().await;
    let (mut cells, mut wrong) = (BTreeMap::new(), Vec::new());
    for listener in ["user", "admin", "broker"] {
        let document = parsed(listener);
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let id = operation["operationId"].as_str().unwrap();
                let rows = rows(listener, id);
                assert!(
                    !rows.is_empty(),
                    "{listener}: {id} has no row: say in tests/it/access/rows.rs how it is asked"
                );
                let asks = asked(operation);
                let needed = if let Asks::May(needed) = asks { Some(needed) } else { None };
                let all = rows.iter().flat_map(|row| Actor::ALL.iter().map(move |actor| (row, *actor)));
                let (world, policy) = (&world, &policy);
                let asking = stream::iter(all).map(|(row, actor)| async move {
                    let made = world.thing(row.thing).await;
                    let caller = world.caller(listener, actor, needed, (row, &made)).await?;
                    let status = world.ask(row, listener, method, path, (actor, &caller, &made)).await;
                    let expected = expected(policy, row, asks, actor);
                    let is_right = match expected {
                        Expected::Good => row.good.contains(&status),
                        Expected::Is(refusal) => status == refusal,
                    };
                    let told = format!(
                        "{listener}: {id} ({asks:?}, {:?}) as {actor:?}: {status} instead of {expected:?}",
                        row.thing
                    );
                    Some((actor, (!is_right).then_some(told)))
                });
                let asked: Vec<_> = asking.buffer_unordered(ASKED_AT_ONCE).collect().await;
                for (actor, told) in asked.into_iter().flatten() {
                    *cells.entry(actor).or_insert(0) += 1;
                    wrong.extend(told);
                }
            }
        }
    }
    let all: usize = cells.values().sum();
    tracing::info!(cells = all, by = ?cells, "the access matrix");
    assert!(wrong.is_empty(), "{} of {all} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(all > 500, "{all} cells");
    let leaks = world.leaks();
    assert!(leaks.is_empty(), "somebody else's instance was shown: {leaks:?}");
}
