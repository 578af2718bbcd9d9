//! Put codes into an offer's pool, once for each upload.

use std::collections::HashSet;

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    CODES_OF_OFFER_MAX, Code, CodeAdded, CodeHash, CodesUploaded, Decision, Event, IdHash, OfUnit,
    OfferId, Refusal, Units, UploadId,
};

/// Puts codes into the pool of an offer that hands them out: all of them or none. A code that the
/// offer has had is refused, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadCodes {
    /// The offer.
    pub offer_id: OfferId,
    /// The upload's id, made by the caller; the same upload counts once.
    pub upload_id: UploadId,
    /// The codes, in the order in which they are handed out; one at least.
    pub codes: Vec<(CodeHash, Code)>,
}

impl CommandRules for UploadCodes {
    fn name(&self) -> &'static str {
        "upload-codes"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::code_upload(&self.offer_id, &self.upload_id))
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let offer = draft.state.numbered_offer(&self.offer_id);
        let (number, offer) = offer.ok_or(Refusal::OfferUnknown)?;
        offer.check_not_closed()?;
        if !offer.terms.codes {
            return Err(Refusal::OfferWithoutCodes);
        }
        self.check_new(&draft)?;
        let too_large = Refusal::AmountTooLarge { what: "the offer's codes", unit: OfUnit(None) };
        let stock = draft.stock_of(&self.offer_id, (number, offer)).add(self.count());
        let stock = stock.filter(|it| it.stock().is_some_and(|it| it.get() <= CODES_OF_OFFER_MAX));
        draft.restock(number, stock.ok_or(too_large)?);
        for (hash, code) in &self.codes {
            draft.push(Event::CodeAdded(CodeAdded {
                offer_id: self.offer_id.clone(),
                hash: *hash,
                code: Some(code.clone()),
            }));
        }
        draft.push_outcome(Event::CodesUploaded(CodesUploaded {
            offer_id: self.offer_id.clone(),
            upload_id: self.upload_id.clone(),
            codes: self.count(),
            hash: self.hash(),
        }));
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::CodesUploaded(fact) = event else { return OTHER_CALL };
        first_different(&[("codes", self.count() == fact.codes && self.hash() == fact.hash)])
    }
}

impl UploadCodes {
    fn count(&self) -> Units {
        Units::sum_of(self.codes.len() as u64).unwrap_or(Units::MOST)
    }

    fn hash(&self) -> CodeHash {
        CodeHash::of_all(self.codes.iter().map(|(hash, _)| hash))
    }

    /// Whether no code was in the offer's pool before, and none is in the upload twice.
    fn check_new(&self, draft: &Draft<'_>) -> Result<(), Refusal> {
        let pool = draft.state.code_pool(&self.offer_id);
        let mut seen = HashSet::with_capacity(self.codes.len());
        for (index, (hash, _)) in (0_u64..).zip(&self.codes) {
            if !seen.insert(*hash) || pool.is_some_and(|pool| pool.has(*hash)) {
                return Err(Refusal::CodeKnown { index });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn codes_come_in_one_by_one_and_once_for_each_upload() {
        given([])
            .does(open_codes("gift", 300))
            .when(upload("gift", "u-1", ["A", "B"]))
            .then_records(["CodeAdded", "CodeAdded", "CodesUploaded"]);
        given([])
            .does(open_codes("gift", 300))
            .does(upload("gift", "u-1", ["A", "B"]))
            .when(upload("gift", "u-1", ["A", "B"]))
            .then_repeats(5);
    }

    #[test]
    fn other_codes_under_the_same_id_are_named() {
        for other in [&["A"][..], &["A", "C"], &["B", "A"]] {
            given([])
                .does(open_codes("gift", 300))
                .does(upload("gift", "u-1", ["A", "B"]))
                .when(upload("gift", "u-1", other.iter().copied()))
                .then_differs_from(5, "codes");
        }
    }

    #[test]
    fn a_code_is_refused_that_the_offer_has_had_whatever_became_of_it() {
        let shop = || {
            given([])
                .does(open_codes("gift", 300))
                .does(earn("ann", 900, "B-1"))
                .does(upload("gift", "u-1", ["A", "B"]))
                .does(redeem("ann", "x-1", "gift"))
        };
        shop().refuses_with(
            upload("gift", "u-2", ["C", "A"]),
            crate::Refusal::CodeKnown { index: 1 },
        );
        shop().refuses_with(upload("gift", "u-2", ["B"]), crate::Refusal::CodeKnown { index: 0 });
        shop()
            .refuses_with(
                upload("gift", "u-2", ["C", "D", "C"]),
                crate::Refusal::CodeKnown { index: 2 },
            )
            .does(upload("gift", "u-2", ["C", "D"]));
    }

    #[test]
    fn the_same_code_may_be_another_offers() {
        given([])
            .does(open_codes("gift", 300))
            .does(open_codes("film", 300))
            .does(upload("gift", "u-1", ["A"]))
            .does(upload("film", "u-1", ["A"]));
    }

    #[test]
    fn codes_are_for_an_offer_of_codes_that_is_not_closed() {
        given([]).when(upload("gift", "u-1", ["A"])).then_refused("offer-unknown");
        given([opened("gift", 300, Some(10))])
            .when(upload("gift", "u-1", ["A"]))
            .then_refused("offer-without-codes");
        given([])
            .does(unshipped(open("gift", 300, None)))
            .when(upload("gift", "u-1", ["A"]))
            .then_refused("offer-without-codes");
        given([])
            .does(open_codes("gift", 300))
            .does(close("gift"))
            .when(upload("gift", "u-1", ["A"]))
            .then_refused("offer-closed");
    }

    #[test]
    fn the_stock_of_an_offer_of_codes_is_the_number_of_its_codes_and_nobody_sets_it() {
        let shop = given([])
            .does(open_codes("gift", 300))
            .refuses(add_stock("gift", "s-1", 5), "stock-of-codes")
            .does(upload("gift", "u-1", ["A", "B"]))
            .refuses(add_stock("gift", "s-1", 5), "stock-of-codes")
            .refuses(remove_stock("gift", "d-1", 1, 1), "stock-of-codes");
        for stock in [None, Some(9)] {
            let amendment = with_terms(amend("gift", 400, None, 1), of_codes);
            let crate::Command::AmendOffer(it) = amendment else { unreachable!() };
            let stock = Some(stock.map(units));
            let amendment = crate::Command::AmendOffer(crate::command::AmendOffer { stock, ..it });
            given([])
                .does(open_codes("gift", 300))
                .does(upload("gift", "u-1", ["A", "B"]))
                .refuses(amendment, "stock-of-codes");
        }
        shop.does(earn("ann", 900, "B-1"))
            .refuses(two("ann", "x-1", "gift"), "one-code-at-a-time")
            .does(redeem("ann", "x-1", "gift"))
            .does(redeem("ann", "x-2", "gift"))
            .refuses(redeem("ann", "x-3", "gift"), "sold-out")
            .does(upload("gift", "u-2", ["C"]))
            .does(redeem("ann", "x-3", "gift"))
            .refuses(redeem("ann", "x-4", "gift"), "sold-out");
    }

    #[test]
    fn an_offer_stays_of_codes_or_without() {
        given([])
            .does(open_codes("gift", 300))
            .refuses(with_terms(amend("gift", 400, None, 1), unshipped_terms), "codes-fixed")
            .does(with_terms(amend("gift", 400, None, 1), of_codes));
        given([opened("mug", 300, Some(10))])
            .refuses(with_terms(amend("mug", 400, None, 1), of_codes), "codes-fixed");
    }

    #[test]
    fn no_history_hands_out_what_is_not_the_next_code_or_has_half_an_upload() {
        let shop = || {
            given([]).does(open_codes("gift", 0)).does(earn("ann", 1, "B-1")).does(upload(
                "gift",
                "u-1",
                ["A", "B"],
            ))
        };
        let first = code_handed_out("ann", "x-1", "gift", 4);
        shop().and([first.clone()]).never_has(&code_handed_out("ann", "x-2", "gift", 4));
        shop().never_has(&code_handed_out("ann", "x-1", "gift", 5));
        shop().never_has(&code_handed_out("ann", "x-1", "gift", 6));
        shop().never_has(&exchanged("ann", "x-1", "gift", 0));
        shop().never_has(&stock_added("gift", "s-1", 1));
        shop().never_has(&stock_removed("gift", "d-1", 1));
        shop().never_has(&stock_amended("gift", None, 2));
        shop().never_has(&code_added("gift", "A"));
        shop().never_has(&code_added("mug", "C"));
        shop().never_has(&codes_uploaded("gift", "u-2", 1));
        shop().and([code_added("gift", "C")]).never_has(&first);
        shop().and([code_added("gift", "C")]).never_has(&codes_uploaded("gift", "u-2", 2));
        shop().and([code_added("gift", "C"), codes_uploaded("gift", "u-2", 1), first]);
        given([])
            .does(open("mug", 0, Some(1)))
            .does(earn("ann", 1, "B-1"))
            .never_has(&code_handed_out("ann", "x-1", "mug", 1));
    }

    #[test]
    fn codes_are_handed_out_in_their_order_each_once_and_a_cancelled_one_is_gone() {
        given([])
            .does(open_codes("gift", 300))
            .does(earn("ann", 600, "B-1"))
            .does(earn("bob", 600, "B-1"))
            .does(upload("gift", "u-1", ["A", "B"]))
            .does(redeem("ann", "x-1", "gift"))
            .hands_out(5)
            .refuses(cancel("ann", "x-1", "c-1", None), "handed-over")
            .does(cancel_by_operator("ann", "x-1", "c-1"))
            .leaves("ann", [600, 0, 0, 0])
            .does(redeem("bob", "x-1", "gift"))
            .hands_out(6)
            .refuses(redeem("ann", "x-2", "gift"), "sold-out")
            .when(redeem("ann", "x-1", "gift"))
            .then_repeats(9);
    }
}
