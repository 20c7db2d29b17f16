//! Where the store is: what `--store` may say, and what counts without it.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

const FILE_NAME: &str = "forebay.redb";
const SYSTEM_FOLDER: &str = "/var/lib/forebay";

/// What `--store` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreLocation {
    /// `memory`: nothing outlives the process.
    Memory,
    /// A file.
    File(PathBuf),
    /// `dynamodb://TABLE`: a table of DynamoDB, which the replicas of a fleet share.
    DynamoDb(TablePlace),
}

/// A table of DynamoDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TablePlace {
    /// Its name.
    pub table: String,
    /// Where it is; `None`: where environment and profile say.
    pub region: Option<String>,
}

/// Why `--store`, or its absence, names no store.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum LocationError {
    /// `dynamodb://…`, but not as it is written.
    #[error("{0:?} names no table: write dynamodb://TABLE or dynamodb://TABLE?region=REGION")]
    Table(String),
    /// Another scheme.
    #[error(
        "there is no store of the kind {0:?}: name a file, write dynamodb://TABLE, or write \"memory\" to keep nothing"
    )]
    Scheme(String),
    /// Nothing.
    #[error("an empty name: name a file, or write \"memory\" to keep nothing")]
    Empty,
    /// No default place can be used.
    #[error(
        "there is no place for the store: {SYSTEM_FOLDER} cannot be written, and neither XDG_STATE_HOME nor HOME is \
         set; \
         name a file with --store, or keep nothing with --store memory"
    )]
    NoPlace,
}

impl FromStr for StoreLocation {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        match text.split_once("://") {
            _ if text.is_empty() => Err(LocationError::Empty),
            _ if text == "memory" => Ok(Self::Memory),
            Some(("dynamodb", place)) => {
                TablePlace::read(place).map(Self::DynamoDb).ok_or_else(|| LocationError::Table(text.to_owned()))
            }
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some((scheme, _)) => Err(LocationError::Scheme(scheme.to_owned())),
            None => Ok(Self::File(text.into())),
        }
    }
}

impl TablePlace {
    /// What stands behind `dynamodb://`.
    fn read(text: &str) -> Option<Self> {
        let (table, region) = match text.split_once('?') {
            Some((table, option)) => (table, Some(option.strip_prefix("region=")?)),
            None => (text, None),
        };
        let is_name =
            |text: &str, also: &[u8]| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte));
        let whole = (3..=255).contains(&table.len()) && is_name(table, b"_.-");
        let somewhere = region.is_none_or(|region| !region.is_empty() && is_name(region, b"-"));
        let place = || Self { table: table.to_owned(), region: region.map(str::to_owned) };
        (whole && somewhere).then(place)
    }
}

impl StoreLocation {
    /// The place that is used when nothing is said: a file in `/var/lib/forebay` if it can be written there,
    /// else in the user's own state folder.
    ///
    /// # Errors
    /// When there is neither.
    pub fn default_place(environment: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, LocationError> {
        Self::choose(Path::new(SYSTEM_FOLDER), environment)
    }

    fn choose(system: &Path, environment: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, LocationError> {
        let in_system = system.join(FILE_NAME);
        if system.is_dir() && can_be_written(&in_system) {
            return Ok(Self::File(in_system));
        }
        // The base directory rules call relative paths invalid.
        let absolute = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        match state {
            Some(state) => Ok(Self::File(state.join("forebay").join(FILE_NAME))),
            None => Err(LocationError::NoPlace),
        }
    }
}

/// Tries it on the very file: permissions, read-only mounts and quotas all have their say. The empty file
/// that this may leave is a new store for the next one to open it.
fn can_be_written(path: &Path) -> bool {
    OpenOptions::new().write(true).create(true).truncate(false).open(path).is_ok()
}

impl std::fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::DynamoDb(TablePlace { table, region: None }) => write!(f, "dynamodb://{table}"),
            Self::DynamoDb(TablePlace { table, region: Some(region) }) => {
                write!(f, "dynamodb://{table}?region={region}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_and_refuses_what_is_not_there_yet() {
        assert_eq!("memory".parse(), Ok(StoreLocation::Memory));
        assert_eq!("./memory".parse(), Ok(StoreLocation::File("./memory".into())));
        assert_eq!("file:///srv/a.redb".parse(), Ok(StoreLocation::File("/srv/a.redb".into())));
        for (text, region) in [("dynamodb://a.b-c_9", None), ("dynamodb://fleet?region=eu-west-1", Some("eu-west-1"))] {
            let place: StoreLocation = text.parse().unwrap();
            assert!(matches!(&place, StoreLocation::DynamoDb(place) if place.region.as_deref() == region), "{place:?}");
            assert_eq!(place.to_string(), text);
        }
        for text in ["", "ab", "a b c", "fleet/x", "fleet?zone=x", "fleet?region=", "fleet?region=a&b=c", "fleet?"] {
            let text = format!("dynamodb://{text}");
            assert_eq!(text.parse::<StoreLocation>(), Err(LocationError::Table(text)));
        }
        assert_eq!("redis://x".parse::<StoreLocation>(), Err(LocationError::Scheme("redis".into())));
        assert_eq!("".parse::<StoreLocation>(), Err(LocationError::Empty));
    }

    #[test]
    fn prefers_the_system_folder_then_the_users_own() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent");
        let home = |name: &str| (name == "HOME").then(|| OsString::from("/home/ann"));
        let both = |name: &str| match name {
            "XDG_STATE_HOME" => Some(OsString::from("/state")),
            other => home(other),
        };
        let relative = |name: &str| (name == "HOME").then(|| OsString::from("ann"));
        let chosen = |system, environment| StoreLocation::choose(system, environment);
        assert_eq!(chosen(folder.path(), &both), Ok(StoreLocation::File(folder.path().join("forebay.redb"))));
        assert_eq!(chosen(&absent, &both), Ok(StoreLocation::File("/state/forebay/forebay.redb".into())));
        assert_eq!(
            chosen(&absent, &home),
            Ok(StoreLocation::File("/home/ann/.local/state/forebay/forebay.redb".into()))
        );
        assert_eq!(chosen(&absent, &relative), Err(LocationError::NoPlace));
        assert_eq!(
            chosen(Path::new("/proc"), &home),
            chosen(&absent, &home),
            "a folder that takes no file is passed over"
        );
    }
}
