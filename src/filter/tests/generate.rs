//! Small documents and patterns for them from a row of bytes: tests take random ones, the fuzz target its own. Depends
//! on nothing of the project.

/// Draws from bytes; when they are used up everything is 0, which ends things.
pub struct Dice<'a> {
    bytes: &'a [u8],
}

impl<'a> Dice<'a> {
    /// The bytes decide everything.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        usize::from(*first) % sides
    }

    fn pick<'t>(&mut self, table: &[&'t str]) -> &'t str {
        table[self.roll(table.len())]
    }
}

const NAMES: [&str; 10] = ["a", "b", "c", "a", "b", "a.b", "a-b", "", "b.c", "\\u0061"];

const SCALARS: [&str; 32] = [
    "1",
    "\"a\"",
    "0",
    "null",
    "true",
    "false",
    "\"\"",
    "2",
    "1.0",
    "-1",
    "10e-1",
    "\"b\"",
    "\"ab\"",
    "\"A\"",
    "\"aB\"",
    "\"10.0.0.1\"",
    "\"010.0.0.1\"",
    "\"::1\"",
    "\"0:0:0:0:0:0:0:1\"",
    "\"\\u00df\"",
    "\"SS\"",
    "\"a*\"",
    "\"aab\"",
    "1e400",
    "\"\\ud800\"",
    "9007199254740993",
    "0.5",
    "\"{}\"",
    "\"1\"",
    "100",
    "1e2",
    "\"abab\"",
];

const MEMBERS: [&str; 48] = [
    "1",
    "\"a\"",
    "null",
    "true",
    "false",
    "\"\"",
    "{\"exists\":true}",
    "{\"exists\":false}",
    "{\"exists\":false}",
    "{\"exists\":false}",
    "{\"prefix\":\"a\"}",
    "{\"prefix\":\"\"}",
    "{\"suffix\":\"b\"}",
    "{\"equals-ignore-case\":\"ab\"}",
    "{\"equals-ignore-case\":\"\\u00df\"}",
    "{\"prefix\":{\"equals-ignore-case\":\"A\"}}",
    "{\"suffix\":{\"equals-ignore-case\":\"B\"}}",
    "{\"wildcard\":\"a*b\"}",
    "{\"wildcard\":\"*\"}",
    "{\"wildcard\":\"a\\\\*\"}",
    "{\"wildcard\":\"*ab*ab*\"}",
    "{\"cidr\":\"10.0.0.0/8\"}",
    "{\"cidr\":\"::/1\"}",
    "\"10.0.0.1\"",
    "\"::1\"",
    "{\"numeric\":[\"=\",1]}",
    "{\"numeric\":[\">\",0]}",
    "{\"numeric\":[\">=\",0,\"<\",1]}",
    "{\"numeric\":[\"<=\",100]}",
    "{\"numeric\":[\"<\",1]}",
    "{\"anything-but\":\"a\"}",
    "{\"anything-but\":1}",
    "{\"anything-but\":[\"a\",\"b\"]}",
    "{\"anything-but\":[1,2]}",
    "{\"anything-but\":{\"prefix\":\"a\"}}",
    "{\"anything-but\":{\"suffix\":[\"b\",\"c\"]}}",
    "{\"anything-but\":{\"equals-ignore-case\":\"AB\"}}",
    "{\"anything-but\":{\"wildcard\":\"a*\"}}",
    "{\"exactly\":\"a\"}",
    "100",
    "0",
    "2",
    "\"b\"",
    "\"\\ud800\"",
    "\"ab\"",
    "1e400",
    "9007199254740992",
    "{\"exists\":true}",
];

/// A document: an object, rarely a list; and where its values are.
pub struct Document {
    /// As JSON.
    pub text: String,
    names: Vec<&'static str>,
    leaves: Vec<(Vec<&'static str>, &'static str)>,
}

impl Document {
    /// A document by the dice.
    pub fn new(dice: &mut Dice<'_>) -> Self {
        let mut document = Self { text: String::new(), names: Vec::new(), leaves: Vec::new() };
        match dice.roll(12) {
            0 => document.list(dice, 3),
            _ => document.object(dice, 3),
        }
        document
    }

    fn object(&mut self, dice: &mut Dice<'_>, depth: usize) {
        self.text.push('{');
        for index in 0..dice.roll(5) {
            let name = NAMES[dice.roll(NAMES.len())];
            self.text.push_str(if index > 0 { ",\"" } else { "\"" });
            self.text.push_str(name);
            self.text.push_str("\":");
            self.names.push(name);
            self.value(dice, depth);
            self.names.pop();
        }
        self.text.push('}');
    }

    fn list(&mut self, dice: &mut Dice<'_>, depth: usize) {
        self.text.push('[');
        for index in 0..dice.roll(5) {
            if index > 0 {
                self.text.push(',');
            }
            self.value(dice, depth);
        }
        self.text.push(']');
    }

    fn value(&mut self, dice: &mut Dice<'_>, depth: usize) {
        let scalar = match dice.roll(if depth == 0 { 2 } else { 6 }) {
            2 | 3 => return self.object(dice, depth - 1),
            4 | 5 => return self.list(dice, depth - 1),
            0 => ["1", "\"a\"", "2"][dice.roll(3)],
            _ => SCALARS[dice.roll(SCALARS.len())],
        };
        self.text.push_str(scalar);
        self.leaves.push((self.names.clone(), scalar));
    }

    /// A pattern of the document's own values, perhaps from different places, perhaps with one that is not there.
    pub fn pattern(&self, dice: &mut Dice<'_>) -> String {
        let mut text = String::from("{");
        for index in 0..=dice.roll(4) {
            if index > 0 {
                text.push(',');
            }
            let leaf = self.leaves.get(dice.roll(self.leaves.len().max(1))).filter(|(names, _)| !names.is_empty());
            let Some((names, scalar)) = leaf else {
                field(dice, 1, &mut text);
                continue;
            };
            let (last, outer) = names.split_last().unwrap_or((&"a", &[]));
            for name in outer {
                text.push_str(&format!("\"{name}\":{{"));
            }
            let name = if dice.roll(8) == 7 { NAMES[dice.roll(NAMES.len())] } else { last };
            let member = if dice.roll(3) == 2 { MEMBERS[dice.roll(MEMBERS.len())] } else { scalar };
            text.push_str(&format!("\"{name}\":[{member}]"));
            text.push_str(&"}".repeat(outer.len()));
        }
        text.push('}');
        text
    }
}

/// A valid pattern, of names and values that documents may have.
pub fn pattern(dice: &mut Dice<'_>) -> String {
    let mut text = String::new();
    fields(dice, 3, &mut text);
    text
}

fn fields(dice: &mut Dice<'_>, depth: usize, text: &mut String) {
    text.push('{');
    for index in 0..=dice.roll(4) {
        if index > 0 {
            text.push(',');
        }
        field(dice, depth, text);
    }
    text.push('}');
}

fn field(dice: &mut Dice<'_>, depth: usize, text: &mut String) {
    if depth > 0 && dice.roll(8) == 7 {
        text.push_str("\"$or\":[");
        fields(dice, depth - 1, text);
        for _ in 0..=dice.roll(2) {
            text.push(',');
            fields(dice, depth - 1, text);
        }
        text.push(']');
        return;
    }
    text.push('"');
    text.push_str(dice.pick(&NAMES));
    text.push_str("\":");
    if depth > 0 && dice.roll(2) == 1 {
        fields(dice, depth - 1, text);
        return;
    }
    text.push('[');
    text.push_str(dice.pick(&MEMBERS));
    for _ in 0..dice.roll(3) {
        text.push(',');
        text.push_str(dice.pick(&MEMBERS));
    }
    text.push(']');
}
