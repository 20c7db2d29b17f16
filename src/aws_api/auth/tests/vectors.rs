//! Requests that botocore's `SigV4Auth` has signed (`botocore.json`: method, path and query as on the wire, headers,
//! body; the key is AWS's example), so that a computation that is wrong twice does not pass.

use serde::Deserialize;

use super::{head, keys};
use crate::aws_api::auth::{Caller, admit};

/// 2015-08-30, 12:36:00.
const SIGNED: u64 = 1_440_938_160;

#[derive(Clone, Deserialize)]
struct Vector {
    name: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Vector {
    fn admit(&self, now: u64) -> Result<Caller, String> {
        let head = head(&self.method, &self.target, &self.headers);
        admit(&keys(), &head, self.body.as_bytes(), now).map_err(|error| format!("{}: {error}", error.code()))
    }

    fn header(&mut self, name: &str) -> &mut String {
        let found = self.headers.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name));
        &mut found.unwrap().1
    }

    /// The names in `SignedHeaders`.
    fn signed(&self) -> Vec<String> {
        let authorization = self.clone().header("authorization").clone();
        let list = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
        list.split(';').map(str::to_owned).collect()
    }
}

fn vectors() -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("botocore.json")).unwrap();
    assert!(vectors.len() >= 40, "{}", vectors.len());
    vectors
}

#[test]
fn what_botocore_signs_is_admitted() {
    for vector in vectors() {
        let caller = vector.admit(SIGNED).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        let region = if vector.name == "list, another region" { "eu-isoe-west-1" } else { "us-east-1" };
        assert_eq!(caller, Caller { access_key: super::KEY.into(), region: region.into() }, "{}", vector.name);
        assert!(vector.admit(SIGNED + 240).is_ok() && vector.admit(SIGNED - 240).is_ok(), "{}", vector.name);
    }
}

#[test]
fn no_signature_is_good_for_another_request() {
    let mut refused = 0;
    let mut check = |vector: &Vector, what: &str| {
        let admitted = vector.admit(SIGNED);
        assert!(admitted.is_err(), "{}: {what} is not noticed", vector.name);
        refused += 1;
    };
    for vector in vectors() {
        let change = |how: &dyn Fn(&mut Vector)| {
            let mut changed = vector.clone();
            how(&mut changed);
            changed
        };
        for method in
            ["GET", "POST", "PUT", "DELETE", "HEAD", "get"].into_iter().filter(|other| *other != vector.method)
        {
            check(&change(&|vector| vector.method = method.to_owned()), method);
        }
        let (path, query) = vector.target.split_once('?').unwrap_or((&vector.target, ""));
        check(&change(&|vector| vector.target = format!("{path}x?{query}")), "a longer path");
        check(&change(&|vector| vector.target = format!("/x{path}?{query}")), "another path");
        check(&change(&|vector| vector.target = format!("{path}%2F?{query}")), "an escaped slash");
        check(&change(&|vector| vector.target = format!("{path}?{query}&x=")), "one parameter more");
        if !query.is_empty() {
            check(&change(&|vector| vector.target = path.to_owned()), "no query");
            check(&change(&|vector| vector.target = format!("{path}?{query}x")), "a longer value");
            check(&change(&|vector| vector.target = format!("{path}?{query}%FF")), "what is no text");
            check(&change(&|vector| vector.target = format!("{path}?x{query}")), "another name");
        }
        check(&change(&|vector| vector.body.push(' ')), "a longer body");
        if !vector.body.is_empty() {
            check(&change(&|vector| vector.body.clear()), "no body");
        }
        for name in vector.signed() {
            check(&change(&|vector| vector.header(&name).push('1')), &name);
            check(&change(&|vector| vector.headers.push((name.clone(), "1".into()))), &name);
            check(&change(&|vector| vector.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name))), &name);
        }
        check(&change(&|vector| vector.headers.push(("X-Amz-Other".into(), "1".into()))), "another header of AWS's");
        let last = |vector: &mut Vector, digit: char| {
            let value = vector.header("authorization");
            let given = value.pop().unwrap();
            value.push(if given == digit { 'g' } else { digit });
        };
        for digit in "0123456789abcdefF ".chars() {
            check(&change(&|vector| last(vector, digit)), "another signature");
        }
        let shorter = change(&|vector| {
            vector.header("authorization").pop();
        });
        check(&shorter, "a shorter signature");
        check(&change(&|vector| vector.header("authorization").push('0')), "a longer signature");
        for (from, to) in [
            ("AKIDEXAMPLE", "AKIDOTHER"),
            ("AKIDEXAMPLE", "AKIDUNKNOWN"),
            ("/20150830/", "/20150831/"),
            ("/lambda/", "/sqs/"),
            ("aws4_request", "aws4_requests"),
            ("us-east-1", "us-east-2"),
            ("eu-isoe-west-1", "eu-isoe-west-2"),
            (";x-amz-date", ""),
            ("host;", ""),
            ("SHA256", "SHA512"),
        ] {
            let other = vector.clone().header("authorization").replace(from, to);
            if other != *vector.clone().header("authorization") {
                check(&change(&|vector| other.clone_into(vector.header("authorization"))), to);
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn an_old_signature_is_good_for_nothing() {
    for vector in vectors() {
        for now in [SIGNED - 360, SIGNED - 301, SIGNED + 301, SIGNED + 360, SIGNED + 86_400, 0, u64::MAX] {
            let error = vector.admit(now).unwrap_err();
            let expected = if now < SIGNED { "not yet current" } else { "expired" };
            let expected = format!("InvalidSignatureException: Signature {expected}: 20150830T123600Z is ");
            assert!(error.starts_with(&expected), "{}: {error}", vector.name);
        }
    }
}
