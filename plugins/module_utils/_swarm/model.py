# Copyright (c) 2026 The apiary.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack as it travels from the controller to a manager: finished Engine API bodies and what goes with them.

Pure. The controller makes a C(StackModel) of Compose files; the module on the manager turns it into API calls.
Everything in it is plain data, so that C(from_dict(json.loads(json.dumps(model.to_dict()))))
gives the same model back.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import InvalidInput

#: Changes when a record written by an older release can no longer be read.
MODEL_VERSION = 1

LABEL_NAMESPACE = "com.docker.stack.namespace"
LABEL_IMAGE = "com.docker.stack.image"
#: On a secret whose name says nothing of its content: a slow digest of that, for the engine never shows the content.
LABEL_CONTENT = "apiary.content"

BALANCES = ("round_robin", "least_conn", "sticky", "weighted")

Spec = dict[str, t.Any]
Part = t.TypeVar("Part", bound="_Part")


def namespace_of(labelled: Spec) -> str:
    """Return the stack that a network, or the spec of a service, config or secret, belongs to, "" for none."""
    return str((labelled.get("Labels") or {}).get(LABEL_NAMESPACE, ""))


def label_filter(stack: str) -> dict[str, list[str]]:
    """Return the engine's filter that finds what belongs to a stack."""
    return {"label": [f"{LABEL_NAMESPACE}={stack}"]}


class ModelError(InvalidInput):
    """A dict given to C(from_dict) is not a model that this release can read."""


class _Part:
    """A part of the model, which goes to plain data and back."""

    def to_dict(self) -> Spec:
        """Return its fields as plain data."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(t.cast(t.Any, self))}

    @classmethod
    def from_dict(cls: type[Part], data: t.Mapping[str, t.Any]) -> Part:
        """Return the part whose fields these are.

        :raises ModelError: a field is unknown, or one is missing.
        """
        return cls(**_known(cls, data))


@dataclasses.dataclass(frozen=True)
class Route(_Part):
    """Outside traffic for a service: the edge sends requests for C(host) and C(path) to C(port) of its tasks.

    :ivar port: Container port, 1 to 65535.
    :ivar host: Host name, in lower case; V("") takes every host; V("*.example.org") takes all hosts below.
    :ivar path: Path prefix.
    :ivar balance: One of BALANCES.
    :ivar weight: Share of this service among services with the same host and path, 0 to 1000.
    """

    port: int
    host: str = ""
    path: str = "/"
    balance: str = "round_robin"
    weight: int = 1


@dataclasses.dataclass(frozen=True)
class Migration(_Part):
    """A command that runs once, with the new image of C(service), before any task of the new version starts.

    :ivar service: Short name of the service whose image, environment, secrets and networks are used.
    :ivar timeout: Seconds.
    """

    service: str
    command: list[str]
    timeout: int = 600


@dataclasses.dataclass
class ServiceEntry(_Part):
    """One service of the stack.

    :ivar name: Name in the file; the service in the swarm is called C(spec["Name"]), that is C(<stack>_<name>).
    :ivar spec: Engine API ServiceSpec as C(docker stack deploy) sends it, but with the names of networks, configs and
        secrets in place of ids: C(Networks[].Target) is a name, C(ConfigID) and C(SecretID) are V("").
    :ivar image: The image as written in the file.
    :ivar depends_on: Short names of services that come first.
    :ivar wave: Services of a lower wave are converged before those of a higher one start.
    :ivar logs: C({"group": str, "retention_days": int | None, "tags": dict, ...}) when its logs go to CloudWatch, else
        None.
    :ivar declared: Paths in the spec of fields that the file gives, whose value is the engine's default, so that the
        spec does not show them: they win over what others set.
    """

    name: str
    spec: Spec
    image: str
    depends_on: list[str] = dataclasses.field(default_factory=list)
    wave: int = 0
    logs: Spec | None = None
    routes: list[Route] = dataclasses.field(default_factory=list)
    declared: list[list[str]] = dataclasses.field(default_factory=list)

    @property
    def full_name(self) -> str:
        """Name of the service in the swarm."""
        return t.cast(str, self.spec["Name"])

    def to_dict(self) -> Spec:
        data = super().to_dict()
        data["routes"] = [route.to_dict() for route in self.routes]
        return data

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any]) -> ServiceEntry:
        values = _known(cls, data)
        values["routes"] = [Route.from_dict(route) for route in values.get("routes", [])]
        return cls(**values)


@dataclasses.dataclass
class NetworkEntry(_Part):
    """A network that services of the stack use.

    :ivar key: Name in the file.
    :ivar name: Name in the swarm.
    :ivar external: True: it must exist; False: it is made with C(spec) and removed with the stack.
    :ivar spec: Body of C(POST /networks/create); empty when external.
    """

    key: str
    name: str
    external: bool = False
    spec: Spec = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class ObjectEntry(_Part):
    """A config or a secret.

    :ivar key: Name in the file.
    :ivar name: Name in the swarm; ends with a digest of the content when C(hashed).
    :ivar external: True: it must exist; False: it is made with C(spec) and C(data).
    :ivar hashed: True: C(name) is C(base_name) + V("_") + digest, so new content is a new object and old ones can be
        pruned.
    :ivar base_name: Name without the digest; equals C(name) when not hashed.
    :ivar spec: ConfigSpec or SecretSpec without C(Data); empty when external.
    :ivar data: Content, base64; None when external, when a driver supplies it, or when it travels apart (secrets).
    """

    key: str
    name: str
    external: bool = False
    hashed: bool = False
    base_name: str = ""
    spec: Spec = dataclasses.field(default_factory=dict)
    data: str | None = None

    def body(self) -> Spec:
        """Body of C(POST /configs/create) or C(POST /secrets/create)."""
        body = dict(self.spec)
        if self.data is not None:
            body["Data"] = self.data
        return body


@dataclasses.dataclass
class VolumeEntry(_Part):
    """A named volume. Volumes are not made by a deploy: a node makes one when the first task there mounts it.

    :ivar spec: C({"Driver": str, "DriverOpts": dict, "Labels": dict}), each only when set.
    """

    key: str
    name: str
    external: bool = False
    spec: Spec = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class StackOptions(_Part):
    """How the model was made.

    :ivar log_group_prefix: Services without C(logging) log to C(<prefix>/<stack>/<service>) in CloudWatch; V("") leaves
        them alone.
    :ivar log_region: Region of those groups.
    :ivar hash_names: Names of own configs and secrets end with a digest of their content, unless the file gives an
        explicit name.
    :ivar edge_network: Network that services with a route are attached to.
    """

    log_group_prefix: str = ""
    log_region: str = ""
    hash_names: bool = True
    edge_network: str = "edge"


@dataclasses.dataclass
class StackModel(_Part):
    """A whole stack. All dicts are keyed by the name in the file.

    :ivar migrate: In the order in which they run.
    """

    name: str
    services: dict[str, ServiceEntry] = dataclasses.field(default_factory=dict)
    networks: dict[str, NetworkEntry] = dataclasses.field(default_factory=dict)
    configs: dict[str, ObjectEntry] = dataclasses.field(default_factory=dict)
    secrets: dict[str, ObjectEntry] = dataclasses.field(default_factory=dict)
    volumes: dict[str, VolumeEntry] = dataclasses.field(default_factory=dict)
    options: StackOptions = dataclasses.field(default_factory=StackOptions)
    migrate: list[Migration] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)

    def split_secret_data(self) -> tuple[StackModel, dict[str, str]]:
        """Return a copy without the content of secrets, and that content (key of the secret → base64)."""
        data = {key: entry.data for key, entry in self.secrets.items() if entry.data is not None}
        secrets = {key: dataclasses.replace(entry, data=None) for key, entry in self.secrets.items()}
        return dataclasses.replace(self, secrets=secrets), data

    def with_secret_data(self, data: t.Mapping[str, str]) -> StackModel:
        """Return a copy with the content of secrets put back, as C(split_secret_data) gave it."""
        secrets = {
            key: dataclasses.replace(entry, data=data.get(key, entry.data)) for key, entry in self.secrets.items()
        }
        return dataclasses.replace(self, secrets=secrets)

    def to_dict(self) -> Spec:
        data = super().to_dict()
        data["version"] = MODEL_VERSION
        data["options"] = self.options.to_dict()
        data["migrate"] = [migration.to_dict() for migration in self.migrate]
        for section in _SECTIONS:
            data[section] = {key: entry.to_dict() for key, entry in getattr(self, section).items()}
        return data

    @classmethod
    def from_dict(cls, data: t.Mapping[str, t.Any]) -> StackModel:
        """Raises ModelError when the dict has another version or unknown keys."""
        values = dict(data)
        version = values.pop("version", None)
        if version != MODEL_VERSION:
            raise ModelError(f"this release reads stack models of version {MODEL_VERSION}, not {version!r}")
        values = _known(cls, values)
        values["options"] = StackOptions.from_dict(values.get("options", {}))
        values["migrate"] = [Migration.from_dict(item) for item in values.get("migrate", [])]
        for section, entry_type in _SECTIONS.items():
            values[section] = {key: entry_type.from_dict(item) for key, item in values.get(section, {}).items()}
        return cls(**values)


_SECTIONS: dict[str, t.Any] = {
    "services": ServiceEntry,
    "networks": NetworkEntry,
    "configs": ObjectEntry,
    "secrets": ObjectEntry,
    "volumes": VolumeEntry,
}


def known_part(data: t.Mapping[str, t.Any]) -> Spec:
    """Return what C(StackModel.from_dict) can read of a model that a newer release wrote, which has more fields."""
    values = _fields(StackModel, data)
    values["options"] = _fields(StackOptions, data.get("options", {}))
    values["migrate"] = [_fields(Migration, item) for item in data.get("migrate", [])]
    for section, entry_type in _SECTIONS.items():
        values[section] = {key: _fields(entry_type, item) for key, item in data.get(section, {}).items()}
    for service in values["services"].values():
        service["routes"] = [_fields(Route, route) for route in service.get("routes", [])]
    return {**values, "version": data.get("version")}


def _fields(cls: t.Any, data: t.Mapping[str, t.Any]) -> Spec:
    return {field.name: data[field.name] for field in dataclasses.fields(cls) if field.name in data}


def _known(cls: t.Any, data: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the data as keyword arguments of C(cls), or raise ModelError when they do not fit."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    unknown = sorted(set(data) - set(fields))
    if unknown:
        raise ModelError(f"{cls.__name__} has no field {', '.join(unknown)}")
    missing = sorted(
        name
        for name, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING and name not in data
    )
    if missing:
        raise ModelError(f"{cls.__name__} needs {', '.join(missing)}")
    return dict(data)
