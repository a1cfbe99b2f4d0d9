"""What ``credit-ledger devnet`` says when it fails, and what its commands share."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ledger.cli.language import pick
from ledger.errors import DevnetError, GovernanceError, LedgerError

FAILED = 1
USAGE = 2
NOT_RUNNING = 3

Folder = Annotated[Path, typer.Option("--dir", help="测试链目录 / the devnet's folder")]
FOLDER = Path("var/devnet")

_CAUSES = {
    "binary-missing": ("找不到 anvil 程序", "the anvil program is missing"),
    "port-in-use": ("端口被占用", "the port is in use"),
    "does-not-start": ("测试链未能启动", "the chain does not start"),
    "does-not-stop": ("测试链未能停止", "the chain does not stop"),
    "other-chain": ("此目录中已有另一条链", "the folder holds another chain"),
    "not-a-devnet": ("此目录不是测试链目录", "the folder is not a devnet"),
    "broken-directory": ("测试链目录已损坏", "the devnet's folder is damaged"),
    "broken-state": ("已存链数据无法读取", "the saved chain cannot be read"),
    "not-deployed": ("合约尚未部署", "the contracts are not deployed"),
    "deployment": ("合约部署文件有误或尚未部署", "the contracts are not there"),
    "transaction": ("治理交易失败", "a governance transaction failed"),
    "registration": ("登记文件有误", "a registration is not of the format"),
    "council": ("此链由治理委员会管理", "the Council governs this chain"),
    "busy": ("另一命令正在启动此链", "another command is starting this chain"),
    "usage": ("参数有误", "a value cannot be used"),
}


def fail(command: str, error: Exception) -> NoReturn:
    """Say what went wrong and end."""
    if isinstance(error, DevnetError | GovernanceError):
        cause = pick(*_CAUSES.get(error.problem, (error.problem, error.problem)))
        typer.echo(f"devnet {command}: {cause}: {error}", err=True)
        usage = error.problem in ("usage", "other-chain", "not-a-devnet", "registration", "council")
        sys.exit(USAGE if usage else FAILED)
    code = error.code if isinstance(error, LedgerError) else type(error).__name__
    typer.echo(f"devnet {command}: {code}: {error}", err=True)
    sys.exit(FAILED)
