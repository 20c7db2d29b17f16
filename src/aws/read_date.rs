//! Reads the time of a service from its answers.

use std::sync::Arc;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use aws_smithy_types::date_time::Format;
use tokio::time::Instant;

use super::http::Arrived;
use crate::clock::ServiceClock;

/// Gives a clock the `Date` of every answer, whether the call worked or not.
#[derive(Debug)]
pub(super) struct ReadDate(pub(super) Arc<ServiceClock>);

/// When a request was sent.
#[derive(Debug)]
struct Sent(Instant);

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

impl Intercept for ReadDate {
    fn name(&self) -> &'static str {
        "ReadDate"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(Sent(Instant::now()));
        Ok(())
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // An answer without a date, or with one that is none, says nothing.
        let date =
            context.response().headers().get("date").and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
        let date = date.and_then(|date| u64::try_from(date.secs()).ok());
        if let (Some(date), Some(Sent(sent))) = (date, config.load::<Sent>()) {
            let answered = context.response().extension().map_or_else(Instant::now, |&Arrived(at)| at);
            self.0.observe(*sent, answered, date);
        }
        Ok(())
    }
}
