//! Parts of lots in answers.

use domain::LotPart;
use wire::body::LotPartBody;

/// The parts of lots that a fact names, as answers have them.
pub(crate) fn lot_parts(parts: Vec<LotPart>) -> Vec<LotPartBody> {
    parts.into_iter().map(lot_part).collect()
}

fn lot_part(part: LotPart) -> LotPartBody {
    let LotPart { lot, points, expires_at, graced } = part;
    LotPartBody { lot, points, expires_at, graced }
}
