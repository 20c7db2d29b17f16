//! How much of the process one client can take, and how a body is read within that.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use super::ApiError;

/// Bounds for every request. The head's are the server's ([`crate::control`]): 16 KiB within 10 seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The largest body.
    pub(super) body_bytes: usize,
    /// How long a body may take to come.
    pub(super) body_time: Duration,
    /// Requests that are worked on at once.
    pub(super) requests: usize,
    /// How long more of them wait for their turn.
    pub(super) patience: Duration,
}

/// Connections at a time, for the server that serves this API.
pub(crate) const CONNECTIONS: usize = 256;

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        body_bytes: 256 * 1024,
        body_time: Duration::from_secs(10),
        requests: 64,
        patience: Duration::from_secs(5),
    };

    /// A body that is too large is still read up to this, within its time, and thrown away: a client that is writing
    /// would not see the answer.
    const DISCARDED: usize = 64 * 1024 * 1024;

    /// The whole body.
    pub(super) async fn read(&self, mut body: Body) -> Result<Bytes, ApiError> {
        let too_large = || ApiError::TooLarge { limit: self.body_bytes };
        let deadline = Instant::now() + self.body_time;
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > self.body_bytes + Self::DISCARDED {
            return Err(too_large());
        }
        let (mut whole, mut length) = (Vec::new(), 0);
        loop {
            let fits = announced.max(length) <= self.body_bytes;
            let frame = match timeout_at(deadline, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => {
                    return Err(ApiError::MalformedHttpRequest(format!("the body is broken: {error}")));
                }
                Ok(None) if fits => return Ok(whole.into()),
                Err(_) if fits => return Err(ApiError::Slow { seconds: self.body_time.as_secs() }),
                Ok(None) | Err(_) => return Err(too_large()),
            };
            // What is no data is a trailer: nothing in this API has one, and none is signed.
            let Ok(data) = frame.into_data() else { continue };
            length = length.saturating_add(data.len());
            if length > self.body_bytes + Self::DISCARDED {
                return Err(too_large());
            }
            if length <= self.body_bytes {
                whole.extend_from_slice(&data);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    const SMALL: Limits = Limits { body_bytes: 10, ..Limits::DEFAULT };

    fn pieces(sizes: Vec<usize>) -> Body {
        Body::from_stream(stream::iter(sizes.into_iter().map(|size| Ok::<_, Infallible>(vec![b'x'; size]))))
    }

    #[tokio::test]
    async fn a_body_is_read_whole_or_not_at_all() {
        assert_eq!(SMALL.read(Body::empty()).await.unwrap(), "");
        assert_eq!(SMALL.read(Body::from("0123456789")).await.unwrap(), "0123456789");
        assert_eq!(SMALL.read(pieces(vec![3, 0, 3, 4])).await.unwrap(), "xxxxxxxxxx");
        let too_large = ApiError::TooLarge { limit: 10 };
        assert_eq!(SMALL.read(Body::from("01234567890")).await.unwrap_err(), too_large);
        assert_eq!(SMALL.read(pieces(vec![5, 5, 1])).await.unwrap_err(), too_large);
        assert_eq!(SMALL.read(pieces(vec![11, 1])).await.unwrap_err(), too_large);
        assert_eq!(SMALL.read(Body::from(vec![0; 2 * 1024 * 1024])).await.unwrap_err(), too_large);
        let endless = stream::repeat(Ok::<_, Infallible>(Bytes::from(vec![0; 4 * 1024 * 1024])));
        assert_eq!(SMALL.read(Body::from_stream(endless)).await.unwrap_err(), too_large);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_coming_is_given_up() {
        let stalled = |size| {
            let first = stream::iter([Ok::<_, Infallible>(vec![b'x'; size])]);
            Body::from_stream(futures_util::StreamExt::chain(first, stream::pending()))
        };
        let before = Instant::now();
        assert_eq!(SMALL.read(stalled(3)).await.unwrap_err(), ApiError::Slow { seconds: 10 });
        assert_eq!(SMALL.read(stalled(11)).await.unwrap_err(), ApiError::TooLarge { limit: 10 });
        assert_eq!(before.elapsed(), Duration::from_secs(20));
    }

    #[tokio::test]
    async fn a_body_that_breaks_is_refused() {
        let broken = stream::iter([Ok(vec![b'x']), Err(std::io::Error::other("cut"))]);
        let error = SMALL.read(Body::from_stream(broken)).await.unwrap_err();
        assert!(matches!(error, ApiError::MalformedHttpRequest(_)), "{error:?}");
    }
}
