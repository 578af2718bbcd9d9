//! The files of a transparency log, in a folder or at a ledger. Whoever is checked may send without
//! an end, so none of them is read beyond what it may have.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use transparency::{ReadFile, TILE_HASHES};

use crate::http_client::{body_within, http_client};
use crate::key_file::keys_in;

/// How long one file may take.
const FILE_MAX: Duration = Duration::from_secs(60);

/// How many bytes a checkpoint, a handover or a refusal may have.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// Where a log's files are.
pub(super) enum Files {
    Folder(PathBuf),
    Ledger { url: String, client: Client, key: Option<String> },
}

impl Files {
    pub(super) fn of(place: &str, api_keys: Option<&Path>) -> anyhow::Result<Self> {
        if !place.starts_with("http://") && !place.starts_with("https://") {
            let folder = PathBuf::from(place);
            let is_log = folder.join("checkpoint").is_file();
            anyhow::ensure!(
                is_log,
                "{place} holds no checkpoint; name a folder that `guerdon \
                 transparency export` wrote, or the URL of a ledger's partition, .../log/0"
            );
            return Ok(Self::Folder(folder));
        }
        let key = api_keys.map(|file| keys_in(file, ["auditor"])).transpose()?;
        let key = key.map(|[key]| key);
        let url = place.trim_end_matches('/').to_owned();
        Ok(Self::Ledger { url, client: http_client()?, key })
    }

    /// Whether the entries can be read, and not only the tree.
    pub(super) fn have_entries(&self) -> bool {
        match self {
            Self::Folder(folder) => folder.join("tile/entries").is_dir(),
            Self::Ledger { key, .. } => key.is_some(),
        }
    }

    /// What a file holds; nothing where there is no such file.
    pub(super) async fn read(&self, path: &str) -> Result<Option<Vec<u8>>, ReadFile> {
        match self {
            Self::Folder(folder) => read_file(&folder.join(path), bytes_max(path)),
            Self::Ledger { url, client, key } => {
                let mut request = client.get(format!("{url}/{path}")).timeout(FILE_MAX);
                if let Some(key) = key.as_ref().filter(|_| path.starts_with("tile/entries/")) {
                    request = request.bearer_auth(key);
                }
                let answer = request.send().await.map_err(reqwest::Error::without_url)?;
                read_answer(answer, bytes_max(path)).await
            }
        }
    }
}

/// How many bytes a log's file may have.
fn bytes_max(path: &str) -> usize {
    let tile = usize::from(TILE_HASHES);
    if path.starts_with("tile/entries/") {
        tile * (2 + usize::from(u16::MAX))
    } else if path.starts_with("tile/") {
        tile * 32
    } else {
        TEXT_BYTES_MAX
    }
}

fn read_file(file: &Path, most: usize) -> Result<Option<Vec<u8>>, ReadFile> {
    let file = match fs::File::open(file) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = vec![];
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Err(too_long(most));
    }
    Ok(Some(bytes))
}

async fn read_answer(answer: Response, most: usize) -> Result<Option<Vec<u8>>, ReadFile> {
    match answer.status() {
        StatusCode::OK => {
            let body = body_within(most, answer).await?;
            body.map(Some).ok_or_else(|| too_long(most))
        }
        StatusCode::NOT_FOUND => Ok(None),
        status => {
            let body = body_within(TEXT_BYTES_MAX, answer).await.ok().flatten();
            let problem: Value =
                serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
            let detail = problem["detail"].as_str().unwrap_or_default();
            Err(format!("{status} {detail}").into())
        }
    }
}

fn too_long(most: usize) -> ReadFile {
    format!("it has more than the {most} bytes that it may have").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_longer_than_it_may_be_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::Folder(folder.path().into());
        for (path, most) in
            [("checkpoint", 1 << 20), ("tile/0/000", 8_192), ("tile/entries/000", 16_777_472)]
        {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            fs::write(&file, vec![7_u8; most]).expect("written");
            let read = files.read(path).await.expect("read");
            assert_eq!(read.map(|bytes| bytes.len()), Some(most));
            fs::write(&file, vec![7_u8; most + 1]).expect("written");
            let error = files.read(path).await.expect_err("it is too long").to_string();
            assert_eq!(error, format!("it has more than the {most} bytes that it may have"));
        }
        assert!(files.read("tile/0/001").await.expect("read").is_none());
    }
}
