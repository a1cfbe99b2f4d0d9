"""Command line of the demonstration; see ``scripts/demo``."""

import argparse
import os
import signal
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

from ledger.cli import language
from ledger.core.verify import CHINA
from story.network import Network, NetworkError
from story.survey import run_survey
from story.telling import StoryError, tell

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run the demonstration; gives the exit code."""
    options = _options()
    language.choose(options.lang)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    offset_s = _offset(options.as_of)
    folder = Path(tempfile.mkdtemp(prefix="credit-ledger-demo-"))
    try:
        print(language.pick("启动测试链和四个地区节点……", "Starting a chain and four regions..."))
        with Network(folder, offset_s, options.keep, options.engine) as network:
            print(language.pick("已就绪", "Ready"), f"({time.monotonic() - started:.1f} s)")
            if options.data is None:
                tell(network, ROOT / "examples")
            else:
                run_survey(network, options)
            if options.keep:
                _show_kept(network)
    except (NetworkError, StoryError) as error:
        print(language.pick("演示失败:", "Demonstration failed: ") + str(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    seconds = f"{time.monotonic() - started:.1f} s"
    print(language.pick(f"演示完成,用时 {seconds}。", f"Demonstration complete in {seconds}."))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description="The ledger, end to end.")
    parser.add_argument("--lang", choices=("zh", "en"))
    parser.add_argument("--engine", choices=("anvil", "qbft"), default="anvil")
    parser.add_argument("--keep", action="store_true", help="leave it running and show the URLs")
    parser.add_argument("--data", type=Path, help="folder of <region>-<type>.csv and changes.csv")
    parser.add_argument("--answers", type=Path, help="write each answer here, one JSON a line")
    parser.add_argument("--report", type=Path, help="write the import report here")
    parser.add_argument("--evidence", type=Path, help="keep all evidence and the trust root here")
    parser.add_argument(
        "--as-of", type=date.fromisoformat, help="run as if it were noon of this day"
    )
    options = parser.parse_args()
    together = (options.data, options.answers, options.report, options.evidence)
    if any(together) and not all(together):
        parser.error("--data, --answers, --report and --evidence go together")
    if options.as_of is not None and options.engine != "anvil":
        parser.error("--as-of needs the embedded chain: validators keep true time")
    for name in ("data", "answers", "report", "evidence"):
        path = getattr(options, name)
        if path is not None:
            setattr(options, name, Path(os.path.abspath(path)))
    return options


def _offset(as_of: date | None) -> int:
    """Seconds from now to noon +08:00 of the day asked for; 0 for no day."""
    if as_of is None:
        return 0
    noon = datetime(as_of.year, as_of.month, as_of.day, 12, tzinfo=CHINA)
    return round((noon - datetime.now(UTC)).total_seconds())


def _show_kept(network: Network) -> None:
    print(language.pick("保持运行:", "Left running:"), network.folder)
    for node in network.nodes.values():
        print(f"  {node.region}  {node.url}")
    pids = " ".join(str(node.process.pid) for node in network.nodes.values() if node.process)
    stop = f"kill {pids}; .venv/bin/credit-ledger devnet down --dir {network.devnet}"
    print(language.pick("停止:", "Stop:"), stop)


sys.exit(main())
