//! Where every credential passes: a good token is not enough, its session has to go on.

use super::{CheckSession, RevocationError, RevocationView, Revocations, Standing};
use crate::actors::system::{AskError, Handle};
use crate::models::Principal;

/// Tells whether a session goes on. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    view: RevocationView,
    revocations: Handle<Revocations>,
}

impl Gate {
    /// A gate that reads `view`, and asks the actor when that does not know.
    #[must_use]
    pub fn new(view: RevocationView, revocations: Handle<Revocations>) -> Self {
        Self { view, revocations }
    }

    /// What is known without asking anybody.
    #[must_use]
    pub fn standing(&self, holder: &Principal) -> Standing {
        match holder.session() {
            Some((session_id, _token_id)) => self.view.standing(session_id),
            // Of a key it is known when it was looked up.
            None => Standing::Good,
        }
    }

    /// Whether its holder may come in.
    ///
    /// # Errors
    /// [`RevocationError::Ended`], or [`RevocationError::Unknown`] when nobody can say.
    pub async fn check(&self, holder: &Principal) -> Result<(), RevocationError> {
        match self.standing(holder) {
            Standing::Good => Ok(()),
            Standing::Revoked => Err(RevocationError::Ended),
            Standing::Unknown => {
                let (session_id, token_id) = holder.session().ok_or(RevocationError::Unknown)?;
                let question = CheckSession { session_id, token_id };
                let asked = self.revocations.ask(question).await;
                asked.map_err(|error| match error {
                    AskError::Reply(error) => error,
                    AskError::Overloaded { .. }
                    | AskError::Down { .. }
                    | AskError::Lost { .. }
                    | AskError::TimedOut { .. } => RevocationError::Unknown,
                })
            }
        }
    }

    /// The view, for whoever has just ended a session, or follows what is ended.
    #[must_use]
    pub const fn view(&self) -> &RevocationView {
        &self.view
    }
}
