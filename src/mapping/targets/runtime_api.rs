//! Workers that attach to forebay through Lambda's Runtime API.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use super::command::{self, CommandSpec};
use super::{Target, refuse, timeout};
use crate::mapping::code::Code;
use crate::mapping::reader::{Reader, short};
use crate::mapping::text::Span;
use crate::mapping::value::{Kind, Members};

/// How long an invocation waits for a worker unless the mapping says otherwise.
const ATTACH_WAIT: Duration = Duration::from_secs(300);

/// How forebay serves Lambda's Runtime API to the workers of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeApiTarget {
    /// Where workers attach: `AWS_LAMBDA_RUNTIME_API` for them. `None`: only those attach that forebay starts.
    pub listen: Option<SocketAddr>,
    /// From where connections are taken; empty: from anywhere, which only a loopback address is safe with.
    pub allow_from: Vec<IpNet>,
    /// How long an invocation waits for a free worker before it counts as throttled.
    pub attach_wait: Duration,
    /// The longest that an invocation may take, from the moment when a worker has it.
    pub timeout: Duration,
    /// What a worker hears that answers after the timeout.
    pub late_answers: LateAnswers,
    /// The workers that forebay starts itself.
    pub command: Option<CommandSpec>,
}

/// What a worker hears that answers after the timeout of its invocation. The answer itself counts in no case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LateAnswers {
    /// That there is no such invocation: AWS's own runtimes end then, and are started again.
    #[default]
    Reject,
    /// That all is well: the worker lives on.
    Accept,
}

pub(super) fn read(reader: &mut Reader<'_>, api: &Members, options: &Members) -> Target {
    refuse(reader, options, "RuntimeApi", &["RoleArn", "Region", "RequireLambdaHeaders"]);
    let at = options.key("RuntimeApi").unwrap_or_default();
    let listen = listen(reader, api, at);
    let allow_from = allow_from(reader, api);
    if let Some((address, span)) = listen
        && !address.ip().is_loopback()
        && !api.broken.contains(&"AllowFrom")
        && allow_from.is_empty()
    {
        let message = format!("`Listen` is open to others: {address} is no loopback address");
        let help = "write from where workers attach, as `AllowFrom: [10.0.0.0/8]`, or listen on 127.0.0.1";
        reader.error(Code::OpenListener, span, message, help);
    }
    Target::RuntimeApi(RuntimeApiTarget {
        listen: listen.map(|(address, _)| address),
        allow_from,
        attach_wait: api.duration("AttachWait").map_or(ATTACH_WAIT, |(wait, _)| wait),
        timeout: timeout(options),
        late_answers: match api.text("OnLateAnswer") {
            Some(("Accept", _)) => LateAnswers::Accept,
            _ => LateAnswers::Reject,
        },
        command: command::read(reader, api),
    })
}

fn listen(reader: &mut Reader<'_>, api: &Members, at: Span) -> Option<(SocketAddr, Span)> {
    const HELP: &str = "write an address and a port: `127.0.0.1:9001`";
    let Some((text, span)) = api.text("Listen") else {
        if !["Listen", "Command"].iter().any(|name| api.broken.contains(name)) && api.get("Command").is_none() {
            reader.error(Code::Missing, at, "`RuntimeApi` has neither `Listen` nor `Command`", HELP);
        }
        return None;
    };
    let address = match text.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)),
        None => text.parse().ok(),
    };
    match address {
        Some(address) if address.port() != 0 => Some((address, span)),
        _ => {
            let message = format!("{:?} is no address to listen on", short(text));
            reader.error(Code::ListenAddress, span, message, HELP);
            None
        }
    }
}

fn allow_from(reader: &mut Reader<'_>, api: &Members) -> Vec<IpNet> {
    let mut nets = Vec::new();
    for item in api.list("AllowFrom") {
        let Kind::Text(text) = &item.kind else { continue };
        match text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)) {
            Some(net) => nets.push(net),
            None => {
                let message = format!("{:?} is no block of addresses", short(text));
                let help = "write an address, or a block as `10.0.0.0/8`";
                reader.error(Code::ListenAddress, item.span, message, help);
            }
        }
    }
    nets
}
