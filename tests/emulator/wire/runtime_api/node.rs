//! A worker in Node: its answers stream on a connection of their own, and end with trailers.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::{Served, failed, invoke};

/// As AWS's runtime for Node: an agent that keeps a connection for events, and one for answers that are streams.
const CLIENT: &str = r#"
const http = require('http');
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const events = new http.Agent({ keepAlive: true, maxSockets: 1 });
const base = '/2018-06-01/runtime/invocation/';
const headers = { 'User-Agent': 'aws-lambda-nodejs/20' };
const raw = (text) => Buffer.from(text).toString('latin1');
const read = (answer) => new Promise((done) => {
  const parts = [];
  answer.on('data', (part) => parts.push(part)).on('end', () => done(Buffer.concat(parts).toString()));
});
const ask = (options, send) => new Promise((done, fail) => {
  const request = http.request({ host, port, ...options }, async (answer) => done([answer, await read(answer)]));
  request.on('error', fail);
  send(request);
});
const post = (id, kind, more, body) =>
  ask({ method: 'POST', path: base + id + kind, agent: events, headers: { ...headers, ...more } }, (request) => request.end(body));
const stream = (id, parts, error) => {
  const more = { 'Lambda-Runtime-Function-Response-Mode': 'streaming', 'Content-Type': 'application/octet-stream',
    Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body', 'Transfer-Encoding': 'chunked' };
  return ask({ method: 'POST', path: base + id + '/response', agent: false, headers: { ...headers, ...more } }, async (request) => {
    for (const part of parts) {
      request.write(part);
      await new Promise((done) => setTimeout(done, 5));
    }
    if (error) {
      request.addTrailers({ 'Lambda-Runtime-Function-Error-Type': error.errorType,
        'Lambda-Runtime-Function-Error-Body': Buffer.from(JSON.stringify(error)).toString('base64') });
    }
    request.end();
  });
};
(async () => {
  while (true) {
    const [event, body] = await ask({ path: base + 'next', agent: events, headers }, (request) => request.end());
    const id = event.headers['lambda-runtime-aws-request-id'];
    const { what } = JSON.parse(body);
    const error = { errorType: 'Function.Größe', errorMessage: 'zu groß', trace: [] };
    const cause = JSON.stringify({ cause: 'größer'.repeat(120000) }).slice(0, 1024 * 1024 - 64);
    const answers = {
      stream: () => stream(id, ['{"batch', 'ItemFailures":', '[]}']),
      broken: () => stream(id, ['{"half'], { errorType: 'Function.Broken', errorMessage: 'zu groß' }),
      throws: () => post(id, '/error', { 'Content-Type': 'application/json', 'Lambda-Runtime-Function-Error-Type': raw('Größe'),
        'Lambda-Runtime-Function-XRay-Error-Cause': raw(cause) }, JSON.stringify(error)),
      returns: () => post(id, '/response', { 'Content-Type': 'application/json' }, JSON.stringify({ seen: id })),
    };
    const [answer] = await answers[what]();
    if (answer.statusCode !== 202) process.exit(1);
  }
})().catch((error) => { console.error(error); process.exit(1); });
"#;

struct Node(Child);

impl Node {
    fn start(served: &Served) -> Self {
        let mut command = Command::new("node");
        command.args(["-e", CLIENT]).env("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{}", served.port));
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn a_client_in_node_streams_and_says_how_a_stream_ended() {
    let served = Served::new();
    let function = served.function("work").await;
    drop(served.connect().await);
    let _node = Node::start(&served);
    for round in 0..3 {
        let call = |what: &str| invoke(&function, json!({"what": what, "round": round}).to_string().as_bytes());
        let answer = call("stream").await.unwrap().unwrap();
        assert_eq!((answer.function_error, &*answer.payload), (None, &b"{\"batchItemFailures\":[]}"[..]));
        let broken = failed(call("broken")).await;
        assert_eq!(broken, json!({"errorType": "Function.Broken", "errorMessage": "zu groß"}));
        let thrown = failed(call("throws")).await;
        assert_eq!(thrown, json!({"errorType": "Function.Größe", "errorMessage": "zu groß", "trace": []}));
        let answer = call("returns").await.unwrap().unwrap();
        let seen: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!((answer.function_error, seen["seen"].as_str()), (None, answer.request_id.as_deref()));
    }
    let parts = function.parts();
    assert_eq!(parts.len(), 1, "{parts:?}");
    assert_eq!(parts[0].note.as_deref(), Some("aws-lambda-nodejs/20"));
}
