//! Settings of a topic that could lose acknowledged messages, in sentences for operators.

use super::topic_admin::TopicSettings;

/// A day: a warehouse that was away for the night still finds its messages.
const RETENTION_MIN_MS: i64 = 86_400_000;

/// The topic's unsafe settings, one sentence each.
pub(super) fn weaknesses(settings: &TopicSettings) -> Vec<String> {
    let TopicSettings { replication, brokers, configs, .. } = settings;
    let mut found = vec![];
    if *replication < 3 {
        let copies = if *replication == 1 { "copy" } else { "copies" };
        let are = if *brokers == 1 { "is 1 broker" } else { &format!("are {brokers} brokers") };
        found.push(format!("{replication} {copies} of each message instead of 3; there {are}"));
    }
    let Some(configs) = configs else {
        found.push("the brokers don't show its settings, so they can't be checked".into());
        return found;
    };
    let number = |name| configs.get(name).and_then(|value| value.parse::<i64>().ok());
    if *replication > 1 && number("min.insync.replicas").is_some_and(|copies| copies < 2) {
        let what = "a message counts once 1 broker has it";
        found.push(format!("{what}; set min.insync.replicas to 2"));
    }
    if configs.get("unclean.leader.election.enable").is_some_and(|value| value == "true") {
        let what = "unclean.leader.election.enable is true: a copy that lags can become the leader";
        found.push(what.into());
    }
    if configs.get("cleanup.policy").is_some_and(|policy| policy.contains("compact")) {
        let what = "cleanup.policy is compact: Kafka keeps only an account's last message";
        found.push(what.into());
    }
    if number("retention.ms").is_some_and(|kept| (0..RETENTION_MIN_MS).contains(&kept)) {
        found.push("retention.ms is less than a day".into());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(replication: usize, configs: &[(&str, &str)]) -> TopicSettings {
        let configs = configs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        TopicSettings { partitions: 16, replication, brokers: 3, configs: Some(configs.collect()) }
    }

    #[test]
    fn settings_that_the_brokers_do_not_show_are_named() {
        let hidden = TopicSettings { configs: None, ..settings(3, &[]) };
        assert!(weaknesses(&hidden).concat().contains("can't be checked"));
    }

    #[test]
    fn a_topic_with_three_copies_of_which_two_count_has_no_weakness() {
        let safe = [("min.insync.replicas", "2"), ("cleanup.policy", "delete")];
        assert_eq!(weaknesses(&settings(3, &safe)), Vec::<String>::new());
    }

    #[test]
    fn each_weaker_setting_is_named() {
        let weak = [
            ("min.insync.replicas", "1"),
            ("unclean.leader.election.enable", "true"),
            ("cleanup.policy", "compact,delete"),
            ("retention.ms", "60000"),
        ];
        let named = weaknesses(&settings(2, &weak)).join("\n");
        for word in ["2 copies", "min.insync", "unclean", "compact", "retention"] {
            assert!(named.contains(word), "{word} is missing in {named}");
        }
    }
}
