//! Which request goes to Kinesis, Lambda or the control routes.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use hyper::Method;
use hyper::http::request::Parts;

use super::state::{Shared, State};
use super::{control, invoke, kinesis};
use crate::common::{self, Answer, bind, function_configuration};

pub(super) async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let (listener, _) = bind(listen).await?;
    let state: Shared = Rc::new(RefCell::new(State::default()));
    common::serve(listener, move |head, body| route(head, body, Rc::clone(&state))).await
}

async fn route(head: Parts, body: Bytes, state: Shared) -> Answer {
    let path = head.uri.path();
    if let Some(target) = head.headers.get("x-amz-target") {
        let operation = target.to_str().unwrap_or_default().rsplit('.').next().unwrap_or_default();
        return kinesis::answer(operation, &body, &state);
    }
    if let Some(rest) = path.strip_prefix("/2015-03-31/functions/") {
        if rest.ends_with("/invocations") && head.method == Method::POST {
            return invoke::invoke(body, &state).await;
        }
        state.borrow_mut().call("GetFunctionConfiguration");
        return function_configuration(rest);
    }
    control::answer(path, &body, &state).await
}
