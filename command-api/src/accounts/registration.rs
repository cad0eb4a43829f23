//! A new account: reserve the address, write `UserRegistered`, activate. Any step may be repeated after a crash, and two
//! registrations of one address never both succeed.

use domain::user::{self, DisplayName, EmailAddress, RegisterUser};
use event_schemas::{AggregateType, Domain, UserId};
use service_kit::answer::Problem;
use tracing::warn;

use super::credentials::{Credential, Reservation, Standing};
use super::passwords::Verdict;
use crate::app::App;
use crate::edge::{Asked, Refused};
use crate::writer::{Executed, Failure, Target};

/// What a newcomer sends.
pub(crate) struct Registration {
    /// Where they get mail.
    pub(crate) email: EmailAddress,
    /// What they are called.
    pub(crate) name: DisplayName,
    /// What only they know.
    pub(crate) password: String,
}

/// Creates the account, or finds that this very call created it before.
pub(crate) async fn register(app: &App, asked: &Asked, newcomer: &Registration) -> Result<Executed, Refused> {
    let drawn = UserId::new(app.writer.new_id_for(Domain::User, asked.anonymous_origin().command_id));
    app.owned_here(&Target::new(AggregateType::User, drawn))?;
    let hash = app.accounts.passwords.hash(newcomer.password.clone()).await?;
    match app.accounts.reserve(drawn, newcomer.email.as_str(), &hash).await? {
        Reservation::Ours => create(app, asked, newcomer, drawn).await,
        Reservation::Held(holder) => meet(app, asked, newcomer, drawn, holder, &hash).await,
    }
}

/// Writes the account of a reservation that is ours.
async fn create(
    app: &App,
    asked: &Asked,
    newcomer: &Registration,
    user: UserId,
) -> Result<Executed, Refused> {
    let executed = match execute(app, asked, newcomer, user).await {
        Ok(executed) => executed,
        Err(refused) => {
            give_back(app, user, &refused).await;
            return Err(refused);
        }
    };
    let created = user_of(&executed).unwrap_or(user);
    if created == user {
        app.accounts.activate(user).await?;
    } else {
        // This call created an account before, whose address was freed since: the reservation is of no use.
        app.accounts.release(user).await?;
    }
    Ok(executed)
}

/// Somebody holds the address. It may be an earlier attempt of this very call.
async fn meet(
    app: &App,
    asked: &Asked,
    newcomer: &Registration,
    drawn: UserId,
    holder: Credential,
    hash: &str,
) -> Result<Executed, Refused> {
    if holder.standing == Standing::Lapsed && app.user(holder.user).await?.is_none() {
        let ours = app.accounts.take_over(holder.user, drawn, newcomer.email.as_str(), hash).await?;
        return if ours { create(app, asked, newcomer, drawn).await } else { Err(taken()) };
    }
    let same_partition = partition(app, holder.user) == partition(app, drawn);
    let verdict = app.accounts.passwords.verify(newcomer.password.clone(), holder.password_hash).await?;
    if !same_partition || verdict == Verdict::Wrong {
        return Err(taken());
    }
    let executed = execute(app, asked, newcomer, holder.user).await?;
    // No event and no replay: the account is there, and another call created it.
    if user_of(&executed) != Some(holder.user) {
        return Err(taken());
    }
    app.accounts.activate(holder.user).await?;
    Ok(executed)
}

async fn execute(
    app: &App,
    asked: &Asked,
    newcomer: &Registration,
    user: UserId,
) -> Result<Executed, Refused> {
    let Registration { email, name, password: _ } = newcomer;
    let register = RegisterUser { user_id: user, email: email.clone(), name: name.clone(), invite: None };
    let target = Target::new(AggregateType::User, user);
    app.execute_anonymous(asked, target, user::Command::RegisterUser(register)).await
}

/// Frees the address again when it is certain that no account came of it.
async fn give_back(app: &App, user: UserId, refused: &Refused) {
    let uncertain = matches!(refused, Refused::Problem(problem) if problem.code() == "OUTCOME_UNKNOWN");
    if uncertain {
        return;
    }
    if let Err(problem) = app.accounts.release(user).await {
        warn!(user_id = %user, %problem, "a reservation could not be given back; it lapses in five minutes");
    }
}

fn user_of(executed: &Executed) -> Option<UserId> {
    executed.events.first()?.envelope.aggregate_id.parse().ok()
}

fn partition(app: &App, user: UserId) -> i32 {
    app.writer.partition(Domain::User, &user.to_string())
}

fn taken() -> Refused {
    Problem::conflict("EMAIL_TAKEN", "there is an account with this address").into()
}

impl App {
    /// Says early that a command belongs elsewhere, before tables are changed for it.
    pub(crate) fn owned_here(&self, target: &Target) -> Result<(), Refused> {
        use crate::writer::Owner;
        match self.writer.owner_of(target) {
            Owner::Here => Ok(()),
            Owner::At(address) => Err(Failure::Elsewhere { address }.into()),
            Owner::Moving => Err(Failure::Moving.into()),
        }
    }
}
