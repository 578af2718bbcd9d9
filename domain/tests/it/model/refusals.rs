//! What is compared where both refuse.

use domain::{Command, Fact, Refusal, Timestamp};

use super::ledger::No;

pub(crate) fn compare_refusals(
    command: &Command,
    no: &No,
    refusal: &Refusal,
    story: impl Fn() -> String,
) {
    assert_eq!(
        refusal.code(),
        no.code,
        "{command:?}\nthe ledger's refusal (left): {refusal:?}, the model's (right): {no:?}\n{}",
        story()
    );
    let Some(facts) = &no.facts else { return };
    let (mut said, mut units) = (vec![], vec![]);
    for (name, fact) in refusal.facts() {
        match fact {
            Fact::Number(number) => said.push((name, i128::from(number))),
            Fact::Time(time) => said.push((name, i128::from(Timestamp::micros(time)))),
            Fact::Unit(unit) => units.push((name, unit)),
            // Ladders have a model of their own.
            Fact::Field(_) | Fact::Ladder(_) | Fact::Tier(_) | Fact::Segment(_) | Fact::Word(_) => {
            }
        }
    }
    assert_eq!(said, *facts, "{command:?}: {refusal:?}\n{}", story());
    assert_eq!(units, no.units, "{command:?}: {refusal:?}\n{}", story());
}
