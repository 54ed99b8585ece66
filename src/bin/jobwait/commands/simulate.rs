//! The simulator alone.

use jobwait::simulator::{Accepted, Simulator};

use crate::args::SimulateArgs;
use crate::exit::Refusal;
use crate::rate_limit::RateLimitArg;
use crate::signals::Signals;

/// Prints the base URL and serves until a signal, which is its regular end: the exit code is 0.
pub(super) async fn run(args: SimulateArgs, mut signals: Signals) -> Result<u8, Refusal> {
    let mut simulator = Simulator::new()
        .duration(args.duration)
        .appear_after(args.appear_after)
        .token_life(args.token_life)
        .list_lag(args.list_lag);
    if args.require_auth {
        let mut accepted = Accepted::default();
        accepted.token = args.token;
        accepted.access_key = args.access_key;
        accepted.secret_key = args.secret_key;
        accepted.password = args.password;
        accepted.agency = args.agency;
        accepted.id_token = args.id_token;
        simulator = simulator.require_auth(accepted);
    }
    if let Some(quota) = args.quota.and_then(RateLimitArg::limit) {
        simulator = simulator.quota(quota);
    }
    if let Some(reason) = args.fail_reason {
        simulator = simulator.fail_reason(reason);
    }
    let service = simulator
        .start(args.listen)
        .await
        .map_err(|error| Refusal(format!("--listen {}: {error}", args.listen)))?;
    // On another thread: a full pipe must not delay a signal.
    let address = format!("{}\n", service.endpoint());
    let printed = tokio::task::spawn_blocking(move || super::print(address.as_bytes()));
    tokio::select! {
        printed = printed => {
            printed.unwrap_or_else(|_| crate::panics::propagate())?;
            signals.next().await;
        }
        _ = signals.next() => {}
    }
    Ok(0)
}
