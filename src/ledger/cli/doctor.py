"""``credit-ledger doctor``: everything a node stands on, one line each, with what to do."""

from pathlib import Path
from typing import Annotated, Final

import typer

from ledger.cli.language import pick
from ledger.cli.output import print_json, printable

FAILED: Final = 1
"""Exit code: something does not work."""

MARKS: Final = {"ok": "✓", "warning": "!", "failed": "✗", "skipped": "-"}

CHECKS: Final = {
    "software": ("软件", "software"),
    "settings": ("设置", "settings"),
    "keys": ("密钥", "keys"),
    "trust-root": ("信任根", "trust root"),
    "database": ("数据库", "database"),
    "disk": ("磁盘", "disk"),
    "chain": ("链", "chain"),
    "contracts": ("合约", "contracts"),
    "clock": ("时钟", "clock"),
    "registration": ("登记", "registration"),
    "endpoint": ("本节点地址", "endpoint"),
    "peers": ("其他地区", "peers"),
    "peer": ("其他地区", "peer"),
    "node": ("节点", "node"),
}

FIXES: Final = {
    "python-too-old": ("安装 Python 3.11 或更新版本", "install Python 3.11 or newer"),
    "sqlite-too-old": ("更新 pysqlite3", "update pysqlite3"),
    "settings": ("修正 node.json 或环境变量;先运行 init", "mend node.json; run init first"),
    "keys-missing": ("运行 init,或恢复密钥备份", "run init, or restore the keys from their backup"),
    "keys-readable": ("chmod 600 keys.json;若他人读过,请更换密钥", "chmod 600 keys.json"),
    "keys-broken": ("恢复密钥备份", "restore the keys from their backup"),
    "trust-root-missing": (
        "向治理方取得信任根并放入节点目录",
        "get the trust root from governance and put it into the folder",
    ),
    "trust-root-broken": ("重新取得信任根", "get the trust root again"),
    "trust-root-expired": ("取得新的信任根", "get the next trust root"),
    "trust-root-expires-soon": ("请尽快取得新的信任根", "ask for the next trust root"),
    "region-not-covered": ("请治理方接入本地区", "have governance admit this region"),
    "vrf-key-differs": (
        "密钥与信任根不符:恢复密钥备份,或取得新的信任根",
        "restore the keys that were admitted, or get the trust root that names these",
    ),
    "clock-offset": ("删除 clock_offset_s", "remove clock_offset_s"),
    "database-new": ("首次运行时建立", "it is made at the first start"),
    "database-url": ("检查 database_url", "look at database_url"),
    "schema-unknown": ("数据库来自更新的版本:升级本软件", "a newer release wrote it: upgrade"),
    "schema-old": ("启动时自动迁移;先备份", "the next start migrates it; make a backup first"),
    "schema-changed": ("另一版本已迁移数据库:重启本节点", "another release migrated it: restart"),
    "database-of-another-region": ("检查 database_url", "look at database_url"),
    "store-unavailable": ("检查数据库服务与磁盘", "look at the database service and the disk"),
    "store-damaged": (
        "数据库文件损坏:停止节点,恢复备份,运行 fsck",
        "the database file is damaged: stop, restore the backup, run fsck",
    ),
    "store-full": ("磁盘已满:立即清理", "the disk is full: free space now"),
    "fatal-state": ("停止并查看日志;运行 fsck", "stop, read the log, run fsck"),
    "disk-full": ("立即清理磁盘", "free space now"),
    "disk-low": ("清理或扩容磁盘", "free space, or add some"),
    "chain-unavailable": ("检查 rpc_url 与链节点", "look at rpc_url and the chain's node"),
    "wrong-chain": ("rpc_url 指向另一条链", "rpc_url leads to another chain"),
    "wrong-genesis": ("链已重建:取得新的信任根", "the chain was made anew: get its trust root"),
    "code-differs": ("合约与信任根不符:联系治理方", "not the contracts of the trust root"),
    "clock-behind-chain": ("校准本机时钟(NTP)", "set this machine's clock (NTP)"),
    "chain-forked": (
        "验证者在同一高度签署了两个区块:停止发布,保留 fork 文件并联系监管方",
        "validators sealed two blocks at one height: stop publishing, keep the fork file, call the"
        " regulator",
    ),
    "chain-unusable": ("查看节点日志", "read the node's log"),
    "chain-stalled": (
        "链应答但不出块:恢复验证节点(docs/operations/validators.md);若他处仍在出块,校准本机时钟",
        "the chain answers and makes no blocks: bring validators back"
        " (docs/operations/validators.md); if others see blocks, set this machine's clock",
    ),
    "not-admitted": (
        "请治理方用 registration.json 接入",
        "have governance admit registration.json",
    ),
    "registry-unreadable": ("检查 rpc_url 与信任根", "look at rpc_url and the trust root"),
    "endpoint-unset": ("设置 endpoint", "set endpoint"),
    "endpoint-differs": ("更正 endpoint,或请治理方更新登记", "mend endpoint, or the registry"),
    "endpoint-unreachable": ("检查网络、防火墙和证书", "look at network, firewall and certificate"),
    "endpoint-not-a-node": ("该地址不是节点", "something else answers there"),
    "peer-unreachable": ("通知该地区;其结果暂为不可用", "tell that region; it is unavailable"),
    "node-not-running": ("credit-ledger serve --dir 目录", "credit-ledger serve --dir DIR"),
    "starting": ("稍候;若不变,查看日志", "wait; if it stays, read the log"),
    "stopping": ("节点正在停止", "the node is being stopped"),
    "watch-stale": ("节点停滞:查看日志后重启", "the node is stuck: read the log, restart"),
    "no-snapshot": (
        "尚无已确认的快照:检查链、锚定与镜像确认",
        "no confirmed snapshot yet: look at chain, anchoring and mirrors",
    ),
    "not-confirmed": (
        "链头尚无足够镜像确认:联系其他地区,查看其镜像",
        "too few mirrors have confirmed the head: ask the other regions about theirs",
    ),
    "map-contradicted": (
        "有镜像算出不同的映射根:立即运行 fsck 并联系监管方",
        "a mirror computed another map: run fsck now and talk to the regulator",
    ),
    "mirror-alarm": (
        "另一地区的映射与其日志不符:通知该地区与监管方",
        "another region's map contradicts its log: tell that region and the regulator",
    ),
    "region-unavailable": ("该地区不可达:通知该地区", "the region does not answer: tell it"),
    "snapshot-too-old": (
        "快照过旧:检查链、锚定账户与镜像确认",
        "the snapshot is too old: look at chain, anchor key and mirrors' confirmations",
    ),
    "snapshot-in-the-future": ("校准本机时钟(NTP)", "set this machine's clock (NTP)"),
    "fenced": ("另一进程已接管此数据库:停止其一", "another process took over: stop one of them"),
    "not-ready": ("查看节点日志", "read the node's log"),
}
"""What to do, by code: (Chinese, English)."""


def doctor(
    folder: Annotated[Path, typer.Option("--dir", help="节点目录 / the node's folder")],
    as_json: Annotated[bool, typer.Option("--json", help="机器可读 / for programs")] = False,
) -> None:
    """检查节点所依赖的一切 / Look at everything a node stands on; changes nothing.

    Exit codes: 0 nothing failed, 1 something does not work.
    """
    from ledger.bootstrap.diagnosis import Level, diagnose

    findings = []
    for finding in diagnose(folder):
        findings.append(finding)
        if not as_json:
            _print(finding.check, finding.level.value, finding.code, finding.found)
    failures = sum(finding.level is Level.FAILED for finding in findings)
    if as_json:
        content = [
            {
                "check": one.check,
                "level": one.level.value,
                "code": one.code,
                "found": one.found,
                "fix": fix_for(one.code) if one.level.value in ("warning", "failed") else None,
            }
            for one in findings
        ]
        print_json({"failed": failures, "checks": content})
    elif failures:
        typer.echo(pick(f"{failures} 项有问题", f"{failures} failed"))
    if failures:
        raise typer.Exit(FAILED)


def fix_for(code: str) -> str:
    """What to do about a code, in the language in use."""
    return pick(*FIXES.get(code, ("查看节点日志", "read the node's log")))


def _print(check: str, level: str, code: str, found: str) -> None:
    name, _, part = check.partition(":")
    title = pick(*CHECKS.get(name, (name, name))) + (f" {part}" if part else "")
    typer.echo(
        printable(f"{MARKS[level]} {title}: {found}" + (f" [{code}]" if code != "ok" else ""))
    )
    if level in ("warning", "failed"):
        typer.echo(f"    → {fix_for(code)}")
