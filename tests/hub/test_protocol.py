"""The server of these tests against the real client's own ways, so that they test what the Hub would do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_server import HubServer
from hub_specs import REPOSITORY, WEIGHTS
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

pytestmark = pytest.mark.usefixtures("home")


def test_a_tree_in_pages(hub: HubServer, files: dict[str, bytes]) -> None:
    hub.page_size = 3
    found = {entry.path: entry for entry in HfApi().list_repo_tree(REPOSITORY, recursive=True)}
    assert set(found) == set(files)
    assert found[WEIGHTS].size == found[WEIGHTS].lfs.size == 70_000
    assert hub.count("/tree/") == 2


def test_the_clients_own_downloads(hub: HubServer, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        assert Path(hf_hub_download(REPOSITORY, name)).read_bytes() == content
    folder = Path(snapshot_download(REPOSITORY))
    assert {path.name for path in folder.iterdir()} == set(files)


def test_refusals(hub: HubServer, files: dict[str, bytes]) -> None:
    with pytest.raises(RepositoryNotFoundError):
        hf_hub_download("owner/nothing", "a")
    with pytest.raises(RevisionNotFoundError):
        HfApi().model_info(REPOSITORY, revision="nothing")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(REPOSITORY, "nothing")
    hub.add(REPOSITORY, files, gated=True)
    with pytest.raises(GatedRepoError):
        hf_hub_download(REPOSITORY, "config.json")
