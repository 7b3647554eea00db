"""The AsyncAPI document is current, valid, and its examples are."""

import base64
import hashlib
import json
from copy import deepcopy
from pathlib import Path

import jsonschema
import pytest
import yaml

from events.codec.struct_decoder import BatchDecoder
from events.schema.asyncapi import asyncapi_document, asyncapi_yaml
from events.schema.example_messages import EXAMPLES, SECOND_EXAMPLES
from events.schema.inputs import INPUTS
from events.schema.outputs import OUTPUTS, SECOND_OUTPUTS
from events.settings import KafkaSettings
from events.topics.specs import topic_specs

HERE = Path(__file__).parent
WRITTEN = HERE.parents[2] / "docs" / "asyncapi.yaml"
MODELS = {**INPUTS, **OUTPUTS}


@pytest.fixture(scope="module")
def specification():
    return jsonschema.Draft7Validator(json.loads((HERE / "asyncapi-3.0.0.json").read_text()))


@pytest.fixture
def document():
    return asyncapi_document()


def payload_schema(document, model):
    reference = document["components"]["messages"][model.__name__]["payload"]
    return jsonschema.Draft7Validator({**reference, "components": document["components"]})


def resolve(document, reference):
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def references(node):
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref")
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(child)


def test_written_document_is_the_generated_one():
    assert WRITTEN.read_text() == asyncapi_yaml(), (
        "docs/asyncapi.yaml is out of date: run `python -m events.schema.asyncapi > docs/asyncapi.yaml`"
    )


def test_yaml_reads_back_as_the_document(document):
    assert yaml.safe_load(asyncapi_yaml()) == document


def test_document_does_not_depend_on_the_environment(document, monkeypatch):
    monkeypatch.setenv("SHOAL_TOPIC_PREFIX", "staging-")
    monkeypatch.setenv("SHOAL_PARTITIONS", "64")
    assert asyncapi_document() == document


def test_document_follows_the_specification(specification, document):
    assert [f"{error.json_path}: {error.message}" for error in specification.iter_errors(document)] == []


@pytest.mark.parametrize(
    ("place", "key", "wrong"),
    [
        ("channels/orders/bindings/kafka", "partitions", "8"),
        ("operations/receiveOrders", "action", "publish"),
        ("components/schemas/Order", "type", "objekt"),
        ("components/messages/Order", "payloads", {}),
    ],
)
def test_specification_would_find_a_mistake(specification, document, place, key, wrong):
    mistaken = deepcopy(document)
    resolve(mistaken, place)[key] = wrong
    assert not specification.is_valid(mistaken)


def test_schema_is_the_one_the_note_describes():
    checksum = hashlib.sha256((HERE / "asyncapi-3.0.0.json").read_bytes()).hexdigest()
    assert checksum in (HERE / "asyncapi-3.0.0.md").read_text()


def test_every_reference_leads_somewhere(document):
    found = set(references(document))
    assert {"#/components/schemas/Item", "#/components/messages/SegmentChange"} <= found
    for reference in found:
        assert resolve(document, reference)


def test_every_topic_is_a_channel_with_the_partitions_it_is_created_with(document):
    specs = {spec.name: spec for spec in topic_specs(KafkaSettings.model_construct())}
    assert document["channels"].keys() == MODELS.keys() == EXAMPLES.keys()
    assert set(MODELS) <= set(specs)
    for topic, channel in document["channels"].items():
        assert channel["address"] == topic
        assert channel["bindings"]["kafka"]["partitions"] == specs[topic].partitions


def test_shoal_receives_inputs_and_sends_outputs(document):
    actions = {
        operation["channel"]["$ref"].rpartition("/")[2]: operation["action"]
        for operation in document["operations"].values()
    }
    assert actions == dict.fromkeys(INPUTS, "receive") | dict.fromkeys(OUTPUTS, "send")


@pytest.mark.parametrize("topic", MODELS)
def test_example_is_valid_for_model_and_schema(document, topic):
    (example,) = document["components"]["messages"][MODELS[topic].__name__]["examples"]
    assert example["payload"] == EXAMPLES[topic]
    MODELS[topic].model_validate_json(json.dumps(example["payload"]))
    payload_schema(document, MODELS[topic]).validate(example["payload"])


@pytest.mark.parametrize("topic", INPUTS)
def test_example_input_is_decoded(topic):
    assert BatchDecoder(INPUTS[topic]).decode([json.dumps(EXAMPLES[topic]).encode()]).rejections == []


@pytest.mark.parametrize("topic", MODELS)
def test_example_shows_every_field(topic):
    optional = {"schema_version"}
    assert MODELS[topic].model_fields.keys() - optional == EXAMPLES[topic].keys() - optional


@pytest.mark.parametrize("topic", OUTPUTS)
def test_what_is_sent_is_valid_for_the_schema(document, topic):
    sent = MODELS[topic].model_validate_json(json.dumps(EXAMPLES[topic])).model_dump_json()
    payload_schema(document, MODELS[topic]).validate(json.loads(sent))


@pytest.mark.parametrize(
    ("topic", "field", "wrong"),
    [
        ("orders", "amount", -1),
        ("orders", "amount", "1e3"),
        ("orders", "amount", 1e13),
        ("orders", "currency", "eur"),
        ("orders", "customer_id", ""),
        ("orders", "schema_version", 2),
        ("orders", "type", "returned"),
        ("web-sessions", "pages", 1.5),
        ("customers", "latitude", 91),
        ("customers", "attributes", ["vip"]),
        ("segment-changes", "cause", "whim"),
    ],
)
def test_schema_refuses_what_the_model_refuses(document, topic, field, wrong):
    event = EXAMPLES[topic] | {field: wrong}
    assert not payload_schema(document, MODELS[topic]).is_valid(event)
    with pytest.raises(ValueError, match=field):
        MODELS[topic].model_validate_json(json.dumps(event))


def test_example_dead_letter_gives_the_reason_of_the_decoder():
    letter = EXAMPLES["dead-letters"]
    decoder = BatchDecoder(INPUTS[letter["topic"]])
    (refused,) = decoder.decode([base64.b64decode(letter["value"])]).rejections
    assert refused.reason == letter["reason"]


@pytest.mark.parametrize("topic", SECOND_OUTPUTS)
def test_the_other_message_of_a_topic_is_described_too(document, topic):
    model, example = SECOND_OUTPUTS[topic], SECOND_EXAMPLES[topic]
    assert list(document["channels"][topic]["messages"]) == [MODELS[topic].__name__, model.__name__]
    assert model.model_fields.keys() == example.keys()
    payload_schema(document, model).validate(json.loads(model.model_validate(example).model_dump_json()))
    assert not payload_schema(document, model).is_valid(EXAMPLES[topic])
