use super::*;

#[test]
fn accepts_pascal_and_camel_case() {
    for key in ["BatchSize", "batchSize"] {
        assert_eq!(find(MAPPING, key).unwrap().name, "BatchSize");
    }
    for key in ["KMSKeyArn", "KmsKeyArn", "kmsKeyArn"] {
        assert_eq!(find(MAPPING, key).unwrap().name, "KMSKeyArn");
    }
    for key in ["batchsize", "BATCHSIZE", "", "Batch", "BatchSizes", "éatchSize"] {
        assert!(find(MAPPING, key).is_none(), "{key}");
    }
}

/// The request of `CreateEventSourceMapping` in the model of 2015-03-31; those with a star are not in Update's.
const MODEL: &str = "EventSourceArn* FunctionName Enabled BatchSize FilterCriteria KMSKeyArn MetricsConfig \
    LoggingConfig \
    ScalingConfig MaximumBatchingWindowInSeconds ParallelizationFactor StartingPosition* StartingPositionTimestamp* \
    DestinationConfig MaximumRecordAgeInSeconds BisectBatchOnFunctionError MaximumRetryAttempts Tags* \
    TumblingWindowInSeconds Topics* Queues* SourceAccessConfigurations SelfManagedEventSource* FunctionResponseTypes \
    AmazonManagedKafkaEventSourceConfig SelfManagedKafkaEventSourceConfig DocumentDBEventSourceConfig \
    ProvisionedPollerConfig";

#[test]
fn members_of_the_api_are_those_of_the_model_in_its_order() {
    let shown = |member: &&Member| format!("{}{}", member.name, if member.fixed { "*" } else { "" });
    let found: Vec<_> = of_the_api(MAPPING).iter().map(shown).collect();
    assert_eq!(found, MODEL.split_whitespace().collect::<Vec<_>>());
    each_table(MAPPING, &mut |table| {
        let places: Vec<u8> = of_the_api(table).iter().map(|member| member.place).collect();
        assert!(places.iter().copied().eq(1..=places.len() as u8), "{places:?}");
    });
}

#[test]
fn every_member_that_is_taken_is_described() {
    each_table(MAPPING, &mut |table| {
        for member in table {
            assert!(!member.is_taken() || member.about.ends_with(['.', '`']), "{}", member.name);
        }
    });
}

fn each_table(table: &'static [Member], check: &mut dyn FnMut(&'static [Member])) {
    check(table);
    table.iter().filter_map(|member| below(&member.shape)).for_each(|table| each_table(table, check));
}
