"""The AsyncAPI 3.0 document of Shoal's topics, made from the models.

`python -m events.schema.asyncapi > docs/asyncapi.yaml` writes it.
"""

import inspect
import sys
from typing import Any, Final

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from events.schema.example_messages import EXAMPLES, SECOND_EXAMPLES
from events.schema.inputs import INPUTS, Event
from events.schema.outputs import OUTPUTS, SECOND_OUTPUTS
from events.settings import KafkaSettings
from events.topics.specs import TopicSpec, topic_specs

__all__ = ["asyncapi_document", "asyncapi_yaml"]

VERSION: Final = "1.0.0"
"""Of the messages, not of the program: its first number is their `schema_version`."""

_BINDING: Final = "0.5.0"
_DESCRIPTION: Final = """\
Shoal keeps every customer of a shop in the right segment while events are still arriving.

The website and the CRM publish JSON events, keyed by customer_id. Publishers have to agree on the partition of a key:
murmur2 of its bytes, the default of the Java client, kafka-python and aiokafka; librdkafka needs
`partitioner=murmur2_random`. Unknown fields are ignored; an event that is not valid goes to `dead-letters`, whole and
with the reason. The setting SHOAL_TOPIC_PREFIX stands before every topic name; partitions shown are the default.
"""
_KEYS: Final[dict[str, JsonSchemaValue]] = {
    "dead-letters": {"type": "null", "description": "none; the original key is in the payload"},
    "models": {
        "type": "string",
        "const": "current",
        "description": "always the same, so that compaction keeps the newest model",
    },
    "baselines": {"type": "string", "pattern": "^[0-9]+$", "description": "number of the baseline"},
    "erasures": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "the digest of the payload"},
    "entries": {
        "type": "string",
        "pattern": "^(salt|(experiment|trigger|api-key)/.+|suppression/[0-9a-f]{32})$",
        "description": "kind and name; of a suppression a salted hash of its scope and customer. A message without "
        "payload takes back the suppression of a customer who is erased",
    },
}
"""Message keys other than customer_id, by topic."""


class _Schema(GenerateJsonSchema):
    """Without what says nothing: a title that repeats the name, a default of null."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        described = super().default_schema(schema)
        return {key: value for key, value in described.items() if (key, value) != ("default", None)}


class _Dumper(yaml.SafeDumper):
    """Several lines as a block, nothing by reference."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def asyncapi_document() -> dict[str, Any]:
    """Return the document, with every setting at its default whatever the environment says."""
    settings = KafkaSettings.model_construct()
    specs = {spec.name: spec for spec in topic_specs(settings)}
    models: dict[str, type[BaseModel]] = {**INPUTS, **OUTPUTS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Shoal",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": settings.kafka,
                "protocol": "kafka",
                "description": "Set by SHOAL_KAFKA; this is the default.",
            }
        },
        "channels": {topic: _channel(specs[topic], topic, model) for topic, model in models.items()},
        "operations": {
            **{_camel("receive", topic): _operation("receive", topic, model) for topic, model in INPUTS.items()},
            **{_camel("send", topic): _operation("send", topic, model) for topic, model in OUTPUTS.items()},
        },
        "components": {
            "messages": {
                model.__name__: _message(model, EXAMPLES[topic], _KEYS.get(topic)) for topic, model in models.items()
            }
            | {
                model.__name__: _message(model, SECOND_EXAMPLES[topic], _KEYS["erasures"])
                for topic, model in SECOND_OUTPUTS.items()
            },
            "schemas": _schemas(),
        },
    }


def asyncapi_yaml() -> str:
    """Return the document as YAML."""
    return yaml.dump(asyncapi_document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _schemas() -> dict[str, JsonSchemaValue]:
    """Return the JSON schema of every model: inputs as they are read, outputs as they are written."""
    _, document = models_json_schema(
        [
            *((model, "validation") for model in INPUTS.values()),
            *((model, "serialization") for model in (*OUTPUTS.values(), *SECOND_OUTPUTS.values())),
        ],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schema,
    )
    schemas: dict[str, JsonSchemaValue] = document["$defs"]
    return schemas


def _channel(spec: TopicSpec, topic: str, model: type[BaseModel]) -> dict[str, Any]:
    configuration: dict[str, Any] = {"cleanup.policy": spec.config["cleanup.policy"].split(",")}
    configuration |= {
        name: int(spec.config[name]) for name in ("retention.ms", "max.message.bytes") if name in spec.config
    }
    return {
        "address": spec.name,
        "description": _paragraphs(model),
        "messages": {each: {"$ref": f"#/components/messages/{each}"} for each in _names(topic, model)},
        "bindings": {
            "kafka": {
                "partitions": spec.partitions,
                "topicConfiguration": configuration,
                "bindingVersion": _BINDING,
            }
        },
    }


def _operation(action: str, topic: str, model: type[BaseModel]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "summary": f"Shoal {action}s: {_summary(model)}",
        "messages": [{"$ref": f"#/channels/{topic}/messages/{each}"} for each in _names(topic, model)],
    }


def _names(topic: str, model: type[BaseModel]) -> list[str]:
    """Return the names of a topic's messages, the main one first."""
    second = SECOND_OUTPUTS.get(topic)
    return [model.__name__, *([second.__name__] if second else [])]


def _message(model: type[BaseModel], example: Any, key: JsonSchemaValue | None) -> dict[str, Any]:
    return {
        "name": model.__name__,
        "summary": _summary(model),
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "bindings": {"kafka": {"key": key or _customer_key(), "bindingVersion": _BINDING}},
        "examples": [{"payload": example}],
    }


def _customer_key() -> JsonSchemaValue:
    key = Event.model_json_schema(schema_generator=_Schema)["properties"]["customer_id"]
    return {**key, "description": "the event's customer_id in UTF-8"}


def _paragraphs(model: type[BaseModel]) -> str:
    """Return the model's docstring with each paragraph on one line."""
    text = inspect.cleandoc(model.__doc__ or "")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _summary(model: type[BaseModel]) -> str:
    return _paragraphs(model).split("\n\n", 1)[0]


def _camel(verb: str, topic: str) -> str:
    return verb + "".join(word.capitalize() for word in topic.split("-"))


def main() -> None:
    """Write the document to standard output."""
    sys.stdout.buffer.write(asyncapi_yaml().encode())


if __name__ == "__main__":
    main()
