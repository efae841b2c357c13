"""The configuration file: the broker's keys with its defaults, read as the broker reads it.

Unknown keys and sections are ignored without a word, as the broker ignores them. Relative paths
are resolved against the working directory, by opening them as they stand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from . import toml

if TYPE_CHECKING:
    from .values import Json

__all__ = ["DEFAULTS", "Settings", "SettingsError", "load", "load_outputs"]

DEFAULTS: Json = {
    "cluster_name": "robustmq-cluster",
    "broker_id": 1,
    "broker_ip": "127.0.0.1",
    "roles": ["meta", "broker", "engine"],
    "grpc_port": 1228,
    "http_port": 58080,
    "broker_network": {
        "accept_thread_num": 1,
        "handler_thread_num": 64,
        "queue_size": 5000,
        "tls_cert": "./config/certs/cert.pem",
        "tls_key": "./config/certs/key.pem",
    },
    "meta_addrs": {"1": "127.0.0.1:1228"},
    "log": {"log_config": "./config/logger.toml", "log_path": "./logs"},
    "runtime": {
        "server_worker_threads": 16,
        "channels_per_address": 4,
        "pprof_enable": False,
        "default_topic_partition_num": 1,
        "default_topic_replica_num": 1,
    },
    "data_path": "./data",
    "llm_client": {
        "embedding": None,
        "embedding_model_path": None,
        "platform": None,
        "model": None,
    },
    "cluster_limit": {
        "max_network_connection": 100000000,
        "max_network_connection_rate": 10000,
        "max_connection_per_ip": 5000,
        "max_admin_http_uri_rate": 50,
    },
    "admin": {
        "username": "admin",
        "password": "admin",
        "jwt_secret": "robustmq-change-me-in-production",
        "token_ttl_hours": 8,
    },
    "delay_task": {"delay_task_queue_num": 8, "delay_task_handler_concurrency": 2},
    "delay_message": {"max_retries": 3, "initial_retry_delay_sec": 2},
    "meta_runtime": {
        "heartbeat_timeout_ms": 30000,
        "heartbeat_check_time_ms": 1000,
        "raft_write_timeout_sec": 30,
        "offset_raft_group_num": 1,
        "data_raft_group_num": 1,
        "group_offset_expire_sec": 604800,
        "segment_leader_rebalance_interval_ms": 60000,
        "segment_leader_rebalance_max_moves": 50,
        "meta_worker_threads": 16,
    },
    "storage_runtime": {
        "tcp_port": 1779,
        "max_segment_size": 1073741824,
        "io_thread_num": 4,
        "data_path": [],
        "offset_enable_cache": True,
        "expire_scan_task_num": 16,
        "num_replica_fetchers": 4,
        "replica_fetch_min_bytes": 1,
        "replica_fetch_max_wait_ms": 500,
        "replica_fetch_backoff_ms": 1000,
        "replica_lag_time_max_ms": 10000,
        "metadata_reconcile_interval_ms": 30000,
        "isr_maintain_interval_ms": 1000,
    },
    "mqtt_runtime": {
        "server": {
            "tcp_port": 1883,
            "tls_port": 1885,
            "websocket_port": 8083,
            "websockets_port": 8085,
            "quic_port": 9083,
        },
        "keep_alive": {
            "enable": True,
            "default_time": 180,
            "max_time": 3600,
            "default_timeout": 2,
        },
        "auth": {
            "default_user": "admin",
            "default_password": "robustmq",
            "durable_sessions_enable": False,
            "secret_free_login": False,
            "is_self_protection_status": False,
        },
        "offline_message": {"enable": True, "expire_ms": 3600000, "max_messages_num": 100000},
        "slow_subscribe": {"enable": False, "record_time": 1000, "delay_type": "Whole"},
        "flapping_detect": {
            "enable": False,
            "window_time": 1,
            "max_client_connections": 15,
            "ban_time": 5,
        },
        "protocol": {
            "max_session_expiry_interval": 1800,
            "default_session_expiry_interval": 30,
            "topic_alias_max": 65535,
            "max_packet_size": 10485760,
            "receive_max": 65535,
            "max_message_expiry_interval": 3600,
            "client_pkid_persistent": False,
        },
        "schema": {
            "enable": True,
            "strategy": "ALL",
            "failed_operation": "Discard",
            "echo_log": True,
            "log_level": "info",
        },
        "system_monitor": {
            "enable": False,
            "os_cpu_high_watermark": 70.0,
            "os_memory_high_watermark": 80.0,
            "system_topic_interval_ms": 60000,
        },
        "limit": {
            "cluster": {
                "max_connections_per_node": 10000000,
                "max_connection_rate": 100000,
                "max_topics": 5000000,
                "max_sessions": 50000000,
                "max_publish_rate": 10000,
            },
            "tenant": {
                "max_connections_per_node": 1000000,
                "max_connection_rate": 10000,
                "max_topics": 500000,
                "max_sessions": 5000000,
                "max_publish_rate": 10000,
            },
        },
        "broker_worker_threads": 16,
    },
    "kafka_runtime": {
        "tcp_port": 9092,
        "max_fetch_bytes": 4194304,
        "max_message_bytes": 1048588,
        "max_describe_topic_partitions": 2000,
        "sasl": {"enabled": False, "mechanisms": ["SCRAM-SHA-256", "SCRAM-SHA-512"]},
        "auto_create_topics_enable": True,
    },
    "amqp_runtime": {"tcp_port": 5672},
    "nats_runtime": {
        "tcp_port": 4222,
        "tls_port": 4223,
        "ws_port": 4080,
        "wss_port": 4443,
        "max_payload": 1048576,
        "auth_required": False,
        "ping_interval": 60,
        "ping_max": 3,
        "ping_send_chunk": 10000,
        "core_shard_num": 10,
        "push_thread_num": 1,
        "push_queue_thread_num": 10,
        "mq9_mailbox_default_ttl": 86400,
    },
}

VERSION = "0.4.3"

OPEN_TABLES = {"meta_addrs"}
"""Tables whose keys are the user's own."""


class SettingsError(Exception):
    """The file cannot be used: the broker panics with this text and exits with 101."""


class Settings:
    """The configuration in force; ``tree`` is what the broker prints when it starts."""

    def __init__(self, tree: Json, version: str) -> None:
        self.tree = tree
        self.version = version
        self.node: int = tree["broker_id"]
        self.meta_addrs: dict[str, str] = dict(sorted(tree["meta_addrs"].items()))
        self.engine_paths: list[str] = tree["storage_runtime"]["data_path"]

    @property
    def address(self) -> str | None:
        """The node's own address in ``meta_addrs``."""
        return self.meta_addrs.get(str(self.node))

    def port(self, path: str) -> int:
        """Return the port at a path such as ``nats_runtime.tcp_port``."""
        value = self.tree
        for key in path.split("."):
            value = value[key]
        return int(value)

    def dump(self) -> str:
        """Return the JSON text that goes into the log, secrets included."""
        return json.dumps(self.tree, indent=2, ensure_ascii=False)


def load(path: str) -> Settings:
    """Read the configuration file; raises `SettingsError`."""
    tree = _merged(DEFAULTS, _read(path, f"Failed to read configuration file {path}"), "")
    return Settings(tree, _version())


def load_outputs(path: str) -> Json:
    """Read the logger file: its sections by name; raises `SettingsError`."""
    return _read(path, f'Logging configuration file "{path}" does not exist')


def _version() -> str:
    """Return what ``config/version.ini`` of the working directory says."""
    try:
        return Path("config/version.ini").read_text(encoding="utf-8").strip() or VERSION
    except OSError:
        return VERSION


def _read(path: str, missing: str) -> Json:
    try:
        return toml.parse(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(missing) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    except toml.TomlError as error:
        raise SettingsError(str(error)) from error


def _merged(defaults: Json, given: Json, where: str) -> Json:
    """Return the defaults with what was given for known keys; refuse values of another kind."""
    if where in OPEN_TABLES:
        return {str(key): _fitting("", value, f"{where}.{key}") for key, value in given.items()}
    result = dict(defaults)
    for key in defaults.keys() & given.keys():
        path = f"{where}.{key}" if where else key
        if isinstance(defaults[key], dict):
            table = _fitting(defaults[key], given[key], path)
            result[key] = _merged(defaults[key], table, path)
        else:
            result[key] = _fitting(defaults[key], given[key], path)
    return result


def _fitting(example: Json, value: Json, path: str) -> Json:
    kinds = (int, float) if isinstance(example, float) else type(example)
    if example is not None and (
        not isinstance(value, kinds) or isinstance(value, bool) != isinstance(example, bool)
    ):
        raise SettingsError(f"invalid type for key `{path}`: {value!r}")
    return value
