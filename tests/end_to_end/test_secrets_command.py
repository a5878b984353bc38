"""`gateproof secrets` on a source tree with a history."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conformance.cli import main
from conformance.evidence.folder import RunFolder
from conformance.model.keys import SecretSample
from conformance.randomness.rule import rule_of
from tests.checks.test_key_secrets import sample as recorded
from tests.randomness.test_shape import sample, with_checksum

KEYS = sample(lambda dice: with_checksum(f"gw_live_{dice.randbytes(20).hex()}"), 20)


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A run that saw how keys look."""
    folder = RunFolder.create(tmp_path / "runs", "0a1b2c3d", datetime.now(UTC))
    seen: SecretSample = recorded(prefix="gw_live_", rule=rule_of(KEYS), checksum="CRC-32 in base62")
    folder.write("SecretSample", seen)
    return folder.path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository whose history holds a key that was taken out, one in a message, and one that nothing leads to."""
    root = tmp_path / "source"
    root.mkdir()
    (root / "settings.py").write_text(f"import os\nKEY = '{KEYS[0]}'\n")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "settings")
    (root / "settings.py").write_text("import os\nKEY = os.environ['KEY']\n")
    git(root, "commit", "--quiet", "-a", "-m", f"take {KEYS[1]} out")
    lost = root / "lost.txt"
    lost.write_text(KEYS[2])
    git(root, "hash-object", "-w", "lost.txt")
    lost.unlink()
    return root


def git(root: Path, *arguments: str) -> None:
    """Run git, as nobody in particular."""
    who = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)


def test_keys_in_a_history_are_found_and_not_shown(
    run_folder: Path, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["secrets", str(tree), "--run", str(run_folder)])
    told = capsys.readouterr().out

    assert code == 1
    assert "settings.py:2" in told
    assert "its message" in told
    assert "in no branch" in told
    assert "3 places" in told
    assert not any(key[8:20] in told for key in KEYS)


def test_a_key_that_lies_in_a_file_is_told_by_its_line(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.md").write_text(f"\n\ncurl -H 'Authorization: Bearer {KEYS[5]}'\n")

    assert main(["secrets", str(tmp_path / "notes"), "--run", str(run_folder)]) == 1
    assert "todo.md:3: gw_live_… (54 characters)" in capsys.readouterr().out


def test_a_clean_tree_ends_with_0_and_rules_are_written(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean" / "a.py").write_text(f"KEY = 'gw_live_{'0' * 46}'  # an example\n")
    rules = tmp_path / "rules"

    assert main(["secrets", str(tmp_path / "clean"), "--run", str(run_folder), "--rules", str(rules)]) == 0
    assert {path.name for path in rules.iterdir()} == {
        "gitleaks.toml",
        "detect_secrets_plugin.py",
        "github_custom_pattern.txt",
    }


def test_a_history_that_cannot_be_read_is_no_clean_one(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken" / ".git").mkdir(parents=True)

    assert main(["secrets", str(tmp_path / "broken"), "--run", str(run_folder)]) == 3


def test_a_run_without_keys_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder.create(tmp_path / "runs", "0a1b2c3d", datetime.now(UTC))

    assert main(["secrets", str(tmp_path), "--run", str(folder.path)]) == 2
    assert "did not observe how keys look" in capsys.readouterr().err


def test_nothing_to_search_and_nothing_to_write_is_no_answer(run_folder: Path) -> None:
    assert main(["secrets", "--run", str(run_folder)]) == 2
