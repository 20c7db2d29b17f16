//! A process that stood still: what has arrived in the meantime is no timeout.
//!
//! The tests run on one thread, and block it: for the runtime that is as if the process was stopped.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use forebay::AwsConnector;
use forebay::function::{Function, Invocation};

use crate::harness::{free_port, targeted};

/// It takes several reads.
const LENGTH: usize = 1_000_000;

/// The headers of what comes next, and its body.
fn read(stream: &mut BufReader<TcpStream>) -> String {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        head += &line;
        if line.trim().is_empty() {
            break;
        }
    }
    stream.read_exact(&mut vec![0; length]).unwrap();
    head
}

fn send(stream: &mut TcpStream, head: &str) {
    let body = "x".repeat(LENGTH);
    stream.write_all(format!("{head}\r\nContent-Length: {LENGTH}\r\n\r\n{body}").as_bytes()).unwrap();
}

/// A server that answers its first POST, and says when it has it.
fn service() -> (u16, Receiver<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (begun, begins) = channel();
    std::thread::spawn(move || {
        // What only looks whether somebody listens says nothing.
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            if stream.fill_buf().unwrap().is_empty() {
                continue;
            }
            read(&mut stream);
            begun.send(()).unwrap();
            send(stream.get_mut(), "HTTP/1.1 200 OK");
        }
    });
    (port, begins)
}

/// Invokes, and stands still from the moment when the event has arrived until the time is over.
async fn invoke_and_sleep(function: &dyn Function, begins: Receiver<()>) {
    let mut call = function.invoke(Invocation::first("{}"));
    let mut looks = tokio::time::interval(Duration::from_millis(1));
    let answer = loop {
        tokio::select! {
            biased;
            _ = looks.tick() => {}
            answer = &mut call => break answer,
        }
        if begins.try_recv().is_ok() {
            std::thread::sleep(Duration::from_secs(3));
        }
    };
    let answer = answer.unwrap();
    assert_eq!(answer.function_error, None, "{:?}", String::from_utf8_lossy(&answer.payload[..100]));
    assert_eq!(answer.payload.len(), LENGTH);
}

#[tokio::test]
async fn of_an_http_service() {
    let (port, begins) = service();
    let target = targeted(&format!("Timeout: 1s, Http: {{ Url: \"http://127.0.0.1:{port}/\" }}"));
    let function = AwsConnector::new().function(&target).await.unwrap();
    invoke_and_sleep(&*function, begins).await;
}

#[tokio::test]
async fn of_an_emulator() {
    let (port, begins) = service();
    let target = targeted(&format!("Timeout: 1s, Rie: {{ Endpoints: [\"http://127.0.0.1:{port}\"] }}"));
    let connector = AwsConnector::new();
    let function = connector.function(&target).await.unwrap();
    function.capacity().unwrap().wait_for(|slots| *slots == 1).await.unwrap();
    invoke_and_sleep(&*function, begins).await;
}

#[tokio::test]
async fn of_a_worker() {
    let port = free_port();
    let target = targeted(&format!("Timeout: 1s, RuntimeApi: {{ Listen: \"127.0.0.1:{port}\" }}"));
    let connector = AwsConnector::new();
    let function = connector.function(&target).await.unwrap();
    let mut capacity = function.capacity().unwrap();
    let (begun, begins) = channel();
    let worker = std::thread::spawn(move || {
        let stream = loop {
            if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                break stream;
            }
        };
        let mut stream = BufReader::new(stream);
        let next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.get_mut().write_all(next.as_bytes()).unwrap();
        let head = read(&mut stream);
        let id = head.lines().find_map(|line| line.strip_prefix("Lambda-Runtime-Aws-Request-Id: ")).unwrap();
        begun.send(()).unwrap();
        let post = format!("POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: x");
        send(stream.get_mut(), &post);
        read(&mut stream)
    });
    capacity.wait_for(|slots| *slots == 1).await.unwrap();
    invoke_and_sleep(&*function, begins).await;
    assert!(tokio::task::spawn_blocking(|| worker.join().unwrap()).await.unwrap().starts_with("HTTP/1.1 202"));
}
