//! The answers of HTTP, read whole and within the limit of their service, before the SDK sees them.
//!
//! The SDK takes every 2xx as success and collects any body to its end. A proxy, a captive portal or a broken server
//! must neither pass for the service nor fill the memory.

use aws_smithy_http_client::pool::Client;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;
use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::time::Instant;

/// The most bytes of a function's answer: what Lambda itself allows. All other answers of Lambda are smaller.
pub(crate) const LAMBDA: usize = 6_291_556;

/// The most bytes of an answer of SQS: ten messages of 1 MiB. A sender's byte can take six in JSON (`<` as `\u003c`:
/// some emulators write so), and each message has receipt handle, checksums and system attributes of some kilobytes. A
/// lower limit would leave a message in the queue that cannot be received.
pub(super) const SQS: usize = 10 * (6 * MIB + 64 * KIB);

/// The most bytes of an answer of Kinesis: 10 MiB of data in base64, and up to 10,000 records with a partition key of
/// 256 characters and 300 bytes of other members each.
pub(super) const KINESIS: usize = 14 * MIB + 10_000 * (6 * 256 + 300);

/// The most bytes of an answer of DynamoDB: a page of 1 MB of short attributes, which JSON can make four times as long.
pub(super) const DYNAMODB: usize = 4 * MIB;

/// The most bytes of an answer of DynamoDB Streams: 1 MB of items, of which a flag or a number of one digit is two
/// bytes and becomes up to sixteen in JSON, and up to 1,000 records with some members of their own.
pub(super) const DYNAMODB_STREAMS: usize = 8 * MIB + 1_000 * 4 * KIB;

/// The most bytes of any other answer: credentials, confirmations.
pub(super) const SMALL: usize = 256 * KIB;

/// What is read of an error; the rest is not needed to classify it.
const ERROR: usize = 64 * KIB;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// An answer that came, but is none of the service that was asked.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Success is 200, and nothing else.
    #[error("HTTP {0} is no answer of this service: check the endpoint, and whether a proxy stands before it")]
    Status(u16),
    /// None is asked for.
    #[error("the answer is compressed, which was not asked for: check whether a proxy stands before the endpoint")]
    Encoded,
    /// No answer of the service can be so long.
    #[error("the answer is longer than the {0} bytes that this service sends at most")]
    TooLong(usize),
}

/// When the head of an answer was there: the answer is passed on only when its body is, too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived(pub(super) Instant);

/// A client over the shared pool that takes answers of at most so many bytes.
pub(super) fn limited(pool: Client, most: usize) -> SharedHttpClient {
    SharedHttpClient::new(LimitedClient { pool, most })
}

#[derive(Debug)]
struct LimitedClient {
    pool: Client,
    most: usize,
}

impl HttpClient for LimitedClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.pool.http_connector(settings, components);
        SharedHttpConnector::new(Limited { inner, most: self.most })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.pool.validate_base_client_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.pool.connector_metadata()
    }
}

#[derive(Debug)]
struct Limited {
    inner: SharedHttpConnector,
    most: usize,
}

impl HttpConnector for Limited {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, most) = (self.inner.call(request), self.most);
        HttpConnectorFuture::new(async move { read(answer.await?, most).await })
    }
}

/// The same answer with its body in memory.
async fn read(mut answer: HttpResponse, most: usize) -> Result<HttpResponse, ConnectorError> {
    answer.add_extension(Arrived(Instant::now()));
    let status = answer.status();
    let body = ByteStream::new(answer.take_body());
    let whole = match status.as_u16() {
        200 => {
            let headers = answer.headers();
            if headers.get_all("content-encoding").any(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
                return Err(unusable(Unusable::Encoded));
            }
            let announced = headers.get("content-length").and_then(|length| length.parse::<usize>().ok());
            if announced.is_some_and(|length| length > most) {
                return Err(unusable(Unusable::TooLong(most)));
            }
            let (whole, ended) = collect(body, most, announced.unwrap_or(0)).await?;
            if !ended {
                return Err(unusable(Unusable::TooLong(most)));
            }
            whole
        }
        other if status.is_success() => return Err(unusable(Unusable::Status(other))),
        _ => collect(body, ERROR, 0).await?.0,
    };
    *answer.body_mut() = SdkBody::from(whole);
    Ok(answer)
}

/// The first bytes of a body, at most so many, and whether it ended with them. Room is made for those that are
/// expected.
async fn collect(mut body: ByteStream, most: usize, expected: usize) -> Result<(Bytes, bool), ConnectorError> {
    let mut whole = Whole::Nothing;
    while let Some(piece) = body.next().await {
        let mut piece = piece.map_err(|error| ConnectorError::io(error.into()))?;
        let room = most - whole.len();
        if piece.len() > room {
            whole.add(piece.split_to(room), expected);
            return Ok((whole.into_bytes(), false));
        }
        whole.add(piece, expected);
    }
    Ok((whole.into_bytes(), true))
}

/// A body as far as it came. Most come in one piece, which is not copied.
enum Whole {
    Nothing,
    One(Bytes),
    More(BytesMut),
}

impl Whole {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(piece) => piece.len(),
            Self::More(pieces) => pieces.len(),
        }
    }

    fn add(&mut self, piece: Bytes, expected: usize) {
        match self {
            Self::Nothing => *self = Self::One(piece),
            Self::One(first) => {
                let mut pieces = BytesMut::with_capacity(expected.max(first.len() + piece.len()));
                pieces.extend_from_slice(first);
                pieces.extend_from_slice(&piece);
                *self = Self::More(pieces);
            }
            Self::More(pieces) => pieces.extend_from_slice(&piece),
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(piece) => piece,
            Self::More(pieces) => pieces.freeze(),
        }
    }
}

fn unusable(reason: Unusable) -> ConnectorError {
    ConnectorError::other(Box::new(reason), None)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_smithy_runtime_api::http::StatusCode;
    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    fn answer(status: u16, body: &[u8]) -> HttpResponse {
        HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body.to_vec()))
    }

    fn reason(result: Result<HttpResponse, ConnectorError>) -> Unusable {
        let error = result.expect_err("the answer is refused");
        *std::error::Error::source(&error).and_then(<dyn std::error::Error>::downcast_ref).expect("it has a reason")
    }

    #[tokio::test]
    async fn an_answer_of_the_allowed_length_passes_and_one_byte_more_does_not() {
        let read_of = |length: usize| read(answer(200, &vec![b'x'; length]), 1000);
        assert_eq!(read_of(1000).await.unwrap().body().bytes().map(<[u8]>::len), Some(1000));
        assert_eq!(read_of(0).await.unwrap().body().bytes(), Some(&b""[..]));
        assert_eq!(reason(read_of(1001).await), Unusable::TooLong(1000));
    }

    #[tokio::test]
    async fn a_length_that_is_too_much_is_not_read_at_all() {
        let mut long = answer(200, b"the beginning");
        long.headers_mut().insert("content-length", "1001");
        assert_eq!(reason(read(long, 1000).await), Unusable::TooLong(1000));
    }

    #[tokio::test]
    async fn success_is_200_and_nothing_else() {
        for status in [201, 202, 203, 204, 205, 206, 207, 226, 299] {
            assert_eq!(reason(read(answer(status, b"{}"), 1000).await), Unusable::Status(status));
        }
        for status in [200, 301, 400, 429, 500] {
            assert_eq!(read(answer(status, b"{}"), 1000).await.unwrap().status().as_u16(), status);
        }
    }

    #[tokio::test]
    async fn what_is_compressed_is_refused() {
        for (encoding, refused) in [("gzip", true), ("br", true), ("identity", false)] {
            let mut encoded = answer(200, b"{}");
            encoded.headers_mut().insert("content-encoding", encoding);
            let read = read(encoded, 1000).await;
            assert_eq!(read.is_err(), refused, "{encoding}");
        }
    }

    #[tokio::test]
    async fn an_error_is_cut_and_keeps_its_status() {
        let cut = read(answer(429, &vec![b'x'; 2 * ERROR]), 1000).await.unwrap();
        assert_eq!((cut.status().as_u16(), cut.body().bytes().map(<[u8]>::len)), (429, Some(ERROR)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_says_when_its_head_came_however_long_its_body_takes() {
        let begun = Instant::now();
        let slow = stream::once(async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"{}")))
        });
        let answer =
            HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::from_body_1_x(StreamBody::new(slow)));
        let whole = read(answer, 1000).await.unwrap();
        let Arrived(head) = *whole.extension().expect("it is noted");
        assert_eq!((head - begun, begun.elapsed()), (Duration::ZERO, Duration::from_secs(3)));
    }

    #[test]
    fn pieces_are_put_together_in_order() {
        let mut whole = Whole::Nothing;
        for piece in ["a", "bc", "", "d"] {
            whole.add(Bytes::from_static(piece.as_bytes()), 3);
        }
        assert_eq!((whole.len(), whole.into_bytes()), (4, Bytes::from_static(b"abcd")));
    }
}
