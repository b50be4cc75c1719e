# Makes what huggingface_hub makes, with its own functions and without a network; prints what it says of it.
#   python huggingface.py CACHE LOCAL
import json, os, sys
from pathlib import Path

cache, local = Path(sys.argv[1]), Path(sys.argv[2])
os.environ["HF_HUB_CACHE"] = str(cache)
import huggingface_hub
from huggingface_hub import scan_cache_dir
from huggingface_hub._local_folder import get_local_download_paths, write_download_metadata
from huggingface_hub.file_download import _cache_commit_hash_for_specific_revision, _create_symlink, repo_folder_name

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": ("a" * 40, b"{}"),
    "sub/model.safetensors": ("b" * 64, b"weights"),
    "copy.safetensors": ("b" * 64, b"weights"),
    "shared.bin": ("c" * 64, b"shared"),
}
storage = cache / repo_folder_name(repo_id="org/name", repo_type="model")
(storage / "blobs").mkdir(parents=True)
try:
    from huggingface_hub.utils import _shared_blobs as shared
except ImportError:
    shared = None
for name, (etag, content) in FILES.items():
    blob = storage / "blobs" / etag
    pointer = storage / "snapshots" / COMMIT / name
    pointer.parent.mkdir(parents=True, exist_ok=True)
    if name == "shared.bin" and shared is not None:
        xet = "d" * 64
        assert shared._ensure_prefix_dir(cache, xet) is not None
        shared.shared_blob_path(cache, xet).write_bytes(content)
        assert shared.try_link_from_shared_store(
            blob_path=str(blob), xet_hash=xet, cache_dir=cache, expected_size=len(content)
        )
    elif not blob.exists():
        blob.write_bytes(content)
    _create_symlink(str(blob), str(pointer))
_cache_commit_hash_for_specific_revision(str(storage), "main", COMMIT)

for name, (etag, content) in FILES.items():
    paths = get_local_download_paths(local, name)
    paths.file_path.parent.mkdir(parents=True, exist_ok=True)
    paths.file_path.write_bytes(content)
    write_download_metadata(local, name, COMMIT, etag)

scanned = scan_cache_dir(cache)
[repo] = scanned.repos
[revision] = repo.revisions
print(json.dumps({
    "version": huggingface_hub.__version__,
    "snapshot": str(revision.snapshot_path),
    "files": sorted(str(f.file_path.relative_to(revision.snapshot_path)) for f in revision.files),
    "warnings": [str(w) for w in scanned.warnings],
    "isShared": (storage / "blobs" / ("c" * 64)).is_symlink(),
}))
