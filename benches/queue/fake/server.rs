//! Which request goes to SQS, Lambda or the control routes.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use hyper::http::request::Parts;

use super::state::{Shared, State};
use super::{control, invoke, sqs};
use crate::common::{self, Answer, bind};

/// Messages whose hiding ends while everybody waits are shown within this time.
const REVEAL_EVERY: Duration = Duration::from_millis(50);

pub(super) async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let (listener, address) = bind(listen).await?;
    let state: Shared = Rc::new(RefCell::new(State::new(format!("http://{address}"))));
    tokio::task::spawn_local(reveal(Rc::clone(&state)));
    common::serve(listener, move |head, body| route(head, body, Rc::clone(&state))).await
}

async fn reveal(state: Shared) {
    let mut ticks = tokio::time::interval(REVEAL_EVERY);
    loop {
        let now = ticks.tick().await;
        for queue in &mut state.borrow_mut().queues {
            queue.reveal(now);
        }
    }
}

async fn route(head: Parts, body: Bytes, state: Shared) -> Answer {
    let path = head.uri.path();
    if let Some(target) = head.headers.get("x-amz-target") {
        let operation = target.to_str().unwrap_or_default().rsplit('.').next().unwrap_or_default().to_owned();
        return sqs::answer(&operation, &body, &state).await;
    }
    if let Some(rest) = path.strip_prefix("/2015-03-31/functions/") {
        if let Some(function) = rest.strip_suffix("/invocations").filter(|_| head.method == Method::POST) {
            return invoke::invoke(function, body, &state).await;
        }
        return invoke::describe(rest, &state);
    }
    control::answer(path, &body, &state).await
}
