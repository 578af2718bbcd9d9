//! `PUT /v1/offers/{offer_id}/code-uploads/{upload_id}`, and the codes that exchanges got.

use axum::extract::State;
use axum::response::Response;
use domain::command::UploadCodes;
use domain::{Code, CodeHash, CodesUploaded, Command, Event, OfferId, UploadId};
use event_schema::decode;
use event_store::CodeKey;
use hmac::{Hmac, KeyInit as _, Mac as _};
use log_record::Place;
use sha2::Sha256;
use wire::body::{CODES_BYTES_MAX, CodeUploadBody, UploadCodesBody};
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::execute::{failed, unexpected, unread};
use crate::refusal_problem::{code_key_missing, not_found_where_unknown};

/// The most codes in a call: each is an event, and all are appended at once.
const CODES_MAX: usize = 1_000;

pub(crate) async fn upload_codes(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(offer_id, upload_id): PathIds<OfferId, UploadId>,
    JsonBody(UploadCodesBody { codes }): JsonBody<UploadCodesBody, CODES_BYTES_MAX>,
) -> Result<Response, Problem> {
    if codes.is_empty() || codes.len() > CODES_MAX {
        let complaint = format!("must be a list of 1 to {CODES_MAX} codes");
        return Err(Problem::invalid_field("codes", complaint));
    }
    let key = api.store.code_key().await.map_err(|error| unread(&error))?;
    let key = key.ok_or_else(code_key_missing)?;
    let hashed = |code: Code| Ok((hash(&key, &offer_id, &code)?, code));
    let codes = codes.into_iter().map(hashed).collect::<Result<_, Problem>>()?;
    let command = Command::UploadCodes(UploadCodes { offer_id, upload_id, codes });
    // It waits behind what comes alone, like a call with many items.
    let done = api.execute(command, caller.for_one_of_many()).await;
    let mut done = done.map_err(not_found_where_unknown)?;
    let Some(Event::CodesUploaded(fact)) = done.event.take() else { return Err(unexpected()) };
    let CodesUploaded { offer_id, upload_id, codes, hash: _ } = fact;
    done.respond(&CodeUploadBody { offer_id, upload_id, codes, position: done.place })
}

/// By what a code of an offer is known again; without the key, nobody can find it out by trying.
fn hash(key: &CodeKey, offer_id: &OfferId, code: &Code) -> Result<CodeHash, Problem> {
    let keyed = Hmac::<Sha256>::new_from_slice(key.as_bytes());
    let mut keyed = keyed.map_err(|_| Problem::internal())?;
    keyed.update(offer_id.as_str().as_bytes());
    // No id has this byte.
    keyed.update(&[0]);
    keyed.update(code.as_str().as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&keyed.finalize().into_bytes()[..16]);
    Ok(CodeHash(first))
}

impl CommandApi {
    /// The code that the event at this place has; nothing once it was erased.
    pub(crate) async fn code_at(&self, place: Place) -> Result<Option<Code>, Problem> {
        let row = self.read_event(place).await?.ok_or_else(unexpected)?;
        match decode(&row).map_err(|error| failed(&error))? {
            (_, Event::CodeAdded(fact)) => Ok(fact.code),
            _ => Err(unexpected()),
        }
    }
}

#[cfg(test)]
mod tests {
    use event_store::{EventStore, MemoryStore, NewLog};
    use log_record::LogId;
    use uuid::Uuid;

    use super::*;

    async fn key() -> CodeKey {
        let new_log = NewLog { log_id: LogId(Uuid::nil()), partitions: 1 };
        let store = EventStore::Memory(MemoryStore::new(new_log));
        store.code_key().await.expect("read").expect("a key")
    }

    #[tokio::test]
    async fn a_code_is_known_again_under_its_log_s_key_and_for_its_offer_alone() {
        let [ours, theirs] = [key().await, key().await];
        let of = |key: &CodeKey, offer: &str, code: &str| {
            let (offer, code) = (offer.parse().expect("an id"), code.parse().expect("a code"));
            hash(key, &offer, &code).expect("hashed")
        };
        assert_eq!(of(&ours, "gift", "A"), of(&ours, "gift", "A"));
        for other in [
            of(&theirs, "gift", "A"),
            of(&ours, "gift", "B"),
            of(&ours, "gif", "tA"),
            of(&ours, "film", "A"),
        ] {
            assert_ne!(of(&ours, "gift", "A"), other);
        }
    }
}
