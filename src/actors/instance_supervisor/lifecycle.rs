//! What to do next about one instance. Pure: what is known in, one step out.
//!
//! The steps lead from wherever an instance is found to where its user wants it. Effects come before the status that
//! claims them and after the status that ends them is decided: nothing is `running` that was not prepared, nothing is
//! `stopped` whose remains were not torn down.

use crate::models::{DesiredState, InstanceStatus};

/// What stands of an instance outside of its row, as far as this life of its supervisor knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remains {
    /// An earlier life, perhaps on another replica, may have left something, or what was prepared is out of date.
    Unknown,
    /// What it needs, as its row says now.
    Prepared,
    /// Nothing: this life has torn it down, or never began.
    Nothing,
}

/// What is known of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// What its row says that it does.
    pub(super) status: InstanceStatus,
    /// What its user wants; `Deleted` is a tombstone.
    pub(super) desired: DesiredState,
    /// What stands of it.
    pub(super) remains: Remains,
    /// There is a reason why it cannot run, and its row does not say so yet.
    pub(super) doomed: bool,
}

/// The one thing to do now. Doing it changes the picture; then ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Write this status; always a lawful move.
    Move(InstanceStatus),
    /// Have the engine prepare it.
    Prepare,
    /// Have the engine remove what may stand of it.
    TearDown,
    /// Remove the row of a tombstone.
    Purge,
    /// It is as it should be and has to be kept so: stay.
    Rest,
    /// It is as it should be and needs nobody: give it up and leave.
    Leave,
}

/// The next step towards what the user wants.
pub(super) fn next_step(picture: Picture) -> Step {
    match picture.desired {
        DesiredState::Deleted => after_tear_down(picture.remains, Step::Purge),
        DesiredState::Stopped => towards_stopped(picture),
        DesiredState::Running if picture.doomed => towards_failed(picture),
        DesiredState::Running => towards_running(picture),
    }
}

fn towards_stopped(picture: Picture) -> Step {
    match picture.status {
        InstanceStatus::Stopped => Step::Leave,
        // Of a pending one, too: it may have failed past its deadline, with what was begun still standing, and been started
        // again since.
        InstanceStatus::Pending
        | InstanceStatus::Provisioning
        | InstanceStatus::Running
        | InstanceStatus::Failed => after_tear_down(picture.remains, Step::Move(InstanceStatus::Stopped)),
    }
}

fn towards_failed(picture: Picture) -> Step {
    match picture.status {
        InstanceStatus::Failed => Step::Leave,
        // It has to be started before it can fail to start.
        InstanceStatus::Stopped => Step::Move(InstanceStatus::Pending),
        InstanceStatus::Pending => Step::Move(InstanceStatus::Failed),
        InstanceStatus::Provisioning | InstanceStatus::Running => {
            after_tear_down(picture.remains, Step::Move(InstanceStatus::Failed))
        }
    }
}

fn towards_running(picture: Picture) -> Step {
    match (picture.status, picture.remains) {
        (InstanceStatus::Pending, _) => Step::Move(InstanceStatus::Provisioning),
        (InstanceStatus::Provisioning, Remains::Prepared) => Step::Move(InstanceStatus::Running),
        (InstanceStatus::Running, Remains::Prepared) => Step::Rest,
        // A running one whose owner is new, or whose configuration has changed, is prepared again under its present
        // status: nobody is told of what did not change for them.
        (InstanceStatus::Provisioning | InstanceStatus::Running, Remains::Unknown | Remains::Nothing) => {
            Step::Prepare
        }
        // Wanted again while it was being stopped.
        (InstanceStatus::Stopped, _) => Step::Move(InstanceStatus::Pending),
        // Its user reads the reason and starts it again; on its own it would only fail again.
        (InstanceStatus::Failed, _) => Step::Leave,
    }
}

fn after_tear_down(remains: Remains, then: Step) -> Step {
    match remains {
        Remains::Nothing => then,
        Remains::Prepared | Remains::Unknown => Step::TearDown,
    }
}

#[cfg(test)]
#[path = "lifecycle_model.rs"]
mod model;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REMAINS: [Remains; 3] = [Remains::Unknown, Remains::Prepared, Remains::Nothing];

    fn all_pictures() -> Vec<Picture> {
        let mut pictures = Vec::new();
        for &status in InstanceStatus::ALL {
            for &desired in DesiredState::ALL {
                for remains in REMAINS {
                    for doomed in [false, true] {
                        pictures.push(Picture { status, desired, remains, doomed });
                    }
                }
            }
        }
        pictures
    }

    /// What the world looks like once the step is done; `None` when the row is gone or nobody stays with it.
    fn done(picture: Picture, step: Step) -> Option<Picture> {
        match step {
            Step::Move(status) => Some(Picture { status, doomed: false, ..picture }),
            Step::Prepare => Some(Picture { remains: Remains::Prepared, ..picture }),
            Step::TearDown => Some(Picture { remains: Remains::Nothing, ..picture }),
            Step::Rest => Some(picture),
            Step::Purge | Step::Leave => None,
        }
    }

    fn settle(mut picture: Picture) -> (Picture, Step) {
        for _ in 0..8 {
            let step = next_step(picture);
            match done(picture, step) {
                Some(next) if next != picture => picture = next,
                _ => return (picture, step),
            }
        }
        panic!("{picture:?} never settles");
    }

    #[test]
    fn no_step_is_an_unlawful_move() {
        for picture in all_pictures() {
            if let Step::Move(to) = next_step(picture) {
                assert!(picture.status.can_move_to(to), "{picture:?} to {to}");
            }
        }
    }

    #[test]
    fn every_instance_ends_where_its_user_wants_it() {
        for picture in all_pictures() {
            let (last, step) = settle(picture);
            match picture.desired {
                DesiredState::Deleted => assert_eq!((step, last.remains), (Step::Purge, Remains::Nothing)),
                DesiredState::Stopped => {
                    assert_eq!((step, last.status), (Step::Leave, InstanceStatus::Stopped));
                }
                DesiredState::Running if last.status == InstanceStatus::Failed => {
                    assert_eq!(step, Step::Leave);
                    let cause = picture.doomed || picture.status == InstanceStatus::Failed;
                    assert!(cause, "{picture:?} failed without a reason");
                }
                DesiredState::Running => {
                    assert_eq!(step, Step::Rest);
                    assert_eq!((last.status, last.remains), (InstanceStatus::Running, Remains::Prepared));
                }
            }
        }
    }

    #[test]
    fn what_is_settled_stays_settled() {
        for picture in all_pictures() {
            let (last, step) = settle(picture);
            assert_eq!(next_step(last), step);
        }
    }

    #[test]
    fn nothing_is_called_running_before_it_is_prepared_or_stopped_before_it_is_torn_down() {
        for picture in all_pictures() {
            match next_step(picture) {
                Step::Move(InstanceStatus::Running) => assert_eq!(picture.remains, Remains::Prepared),
                Step::Move(InstanceStatus::Stopped) => {
                    assert_eq!(picture.remains, Remains::Nothing);
                }
                _ => {}
            }
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Happening {
        Step,
        StepThatDooms,
        Wish(DesiredState),
        NewOwner,
    }

    fn happening() -> impl Strategy<Value = Happening> {
        prop_oneof![
            4 => Just(Happening::Step),
            1 => Just(Happening::StepThatDooms),
            1 => Just(Happening::NewOwner),
            2 => prop::sample::select(DesiredState::ALL).prop_map(Happening::Wish),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_on_the_way_the_last_wish_is_reached_by_lawful_moves(
            happenings in prop::collection::vec(happening(), 0..40),
        ) {
            let mut picture = Picture {
                status: InstanceStatus::Pending,
                desired: DesiredState::Running,
                remains: Remains::Unknown,
                doomed: false,
            };
            for happening in happenings {
                match happening {
                    Happening::Step | Happening::StepThatDooms => {
                        let step = next_step(picture);
                        if let Step::Move(to) = step {
                            prop_assert!(picture.status.can_move_to(to));
                        }
                        picture = done(picture, step).unwrap_or(picture);
                        let preparing = matches!(happening, Happening::StepThatDooms) && step == Step::Prepare;
                        if preparing {
                            picture = Picture { remains: Remains::Unknown, doomed: true, ..picture };
                        }
                    }
                    // A tombstone stays.
                    Happening::Wish(_) if picture.desired == DesiredState::Deleted => {}
                    Happening::Wish(desired) => picture.desired = desired,
                    Happening::NewOwner => picture.remains = Remains::Unknown,
                }
            }
            let (last, step) = settle(picture);
            match last.desired {
                DesiredState::Deleted => prop_assert_eq!(step, Step::Purge),
                DesiredState::Stopped => prop_assert_eq!(last.status, InstanceStatus::Stopped),
                DesiredState::Running => {
                    prop_assert!(matches!(last.status, InstanceStatus::Running | InstanceStatus::Failed));
                }
            }
        }
    }
}
