"""A client of MLflow, run by the Python that has it: prints the seconds that its call took, and the run.

python _mlflow.py URL push PATH
python _mlflow.py URL pull RUN_ID FOLDER
"""

import json
import sys
import time
from pathlib import Path

import mlflow


def push(path: Path) -> tuple[float, str]:
    """Logs a file or a folder to a new run."""
    with mlflow.start_run() as run:
        began = time.perf_counter()
        if path.is_dir():
            mlflow.log_artifacts(str(path))
        else:
            mlflow.log_artifact(str(path))
        return time.perf_counter() - began, run.info.run_id


def pull(run_id: str, folder: Path) -> tuple[float, str]:
    """Downloads all artifacts of a run."""
    began = time.perf_counter()
    mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=str(folder))
    return time.perf_counter() - began, run_id


if __name__ == "__main__":
    url, what, *arguments = sys.argv[1:]
    mlflow.set_tracking_uri(url)
    seconds, run_id = push(Path(arguments[0])) if what == "push" else pull(arguments[0], Path(arguments[1]))
    print(json.dumps({"seconds": seconds, "run_id": run_id}))
