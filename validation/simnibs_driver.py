"""Run SimNIBS on a request, inside the interpreter that SimNIBS is installed in.

    simnibs_python simnibs_driver.py REQUEST.json

This file stands alone: it imports nothing of tmsgrad, and of SimNIBS only what its manual
documents for scripts (`simnibs.run_simnibs`, `sim_struct.SESSION` with `add_tmslist` and
`add_position`, `opt_struct.TMSoptimize`). It prints lines `progress SHARE WORDS`, and
leaves `response.json` in the request's folder, with an `error` where it failed.

A request holds `task` (`probe`, `fields` or `search`), `folder`, and but for `probe`
`mesh`, `coil` (paths), `didt` [A/s]; for `fields` `poses_mm` [4×4 matrices, mm]; for
`search` `target_mm`, `radius_mm` and `method` (`direct` or `ADM`).
"""

import glob
import json
import os
import re
import sys
import time
import traceback


def main(path):
    """Do what the request asks, and write the response."""
    with open(path, encoding="utf-8") as file:
        request = json.load(file)
    response: dict = {}
    begin = time.time()
    try:
        response = TASKS[request["task"]](request)
    except BaseException as error:
        traceback.print_exc()
        response["error"] = f"{type(error).__name__}: {error}"
    response["seconds"] = time.time() - begin
    response["peak_memory_bytes"] = peak_memory()
    staged = os.path.join(request["folder"], ".response.json")
    with open(staged, "w", encoding="utf-8") as file:
        json.dump(response, file)
    os.replace(staged, os.path.join(request["folder"], "response.json"))
    return 1 if "error" in response else 0


def probe(request):
    """Give the version."""
    import simnibs  # pyright: ignore[reportMissingImports]

    return {"version": str(getattr(simnibs, "__version__", "unknown"))}


def fields(request):
    """Compute a field for each pose."""
    from simnibs import (  # pyright: ignore[reportMissingImports]
        run_simnibs,
        sim_struct,
    )

    report(0.0, "SimNIBS is setting up")
    folder = os.path.join(request["folder"], "fields")
    session = sim_struct.SESSION()
    session.fnamehead = request["mesh"]
    session.pathfem = folder
    session.fields = "eE"
    session.open_in_gmsh = False
    coil = session.add_tmslist()
    coil.fnamecoil = request["coil"]
    for matrix in request["poses_mm"]:
        position = coil.add_position()
        position.matsimnibs = matrix
        position.didt = request["didt"]
    report(0.1, f"SimNIBS is computing {len(request['poses_mm'])} fields")
    run_simnibs(session)
    found = [path for path in glob.glob(os.path.join(folder, "*.msh")) if number(path)]
    found.sort(key=number)
    if len(found) != len(request["poses_mm"]):
        raise RuntimeError(
            f"SimNIBS left {len(found)} fields in {folder} for "
            f"{len(request['poses_mm'])} poses"
        )
    return {**probe(request), "fields": found}


def number(path):
    """Find the number of the position in a name such as x_TMS_1-0003_coil_scalar.msh."""
    match = re.search(r"_TMS_\d+-(\d+)_", os.path.basename(path))
    return int(match.group(1)) if match else 0


def search(request):
    """Find the best pose for a target."""
    from simnibs import opt_struct  # pyright: ignore[reportMissingImports]

    method = request["method"]
    report(0.0, f"SimNIBS is searching ({method})")
    wanted = opt_struct.TMSoptimize()
    wanted.fnamehead = request["mesh"]
    wanted.pathfem = os.path.join(request["folder"], f"search-{method}")
    wanted.fnamecoil = request["coil"]
    wanted.target = request["target_mm"]
    wanted.target_size = request["radius_mm"]
    wanted.open_in_gmsh = False
    if method == "ADM":
        wanted.method = "ADM"
    best = wanted.run()
    rows = [[float(x) for x in row] for row in best]
    return {**probe(request), "matsimnibs": rows}


def peak_memory():
    """Return the largest memory of this process or one of its children, or None."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    children = unit * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    try:
        # What `getrusage` says of a process counts its parent's memory before `exec`.
        with open("/proc/self/status", encoding="ascii") as file:
            own = next(line for line in file if line.startswith("VmHWM:"))
        return max(children, 1024 * int(own.split()[1]))
    except (OSError, StopIteration):
        return max(children, unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def report(share, words):
    """Print a line for the parent."""
    print(f"progress {share} {words}", flush=True)


TASKS = {"probe": probe, "fields": fields, "search": search}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
