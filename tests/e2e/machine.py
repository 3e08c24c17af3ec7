"""A computer made of files: the energy counter and the temperature of a processor that draws what hashing costs it."""

import pathlib
import threading
import time

SCHED_IDLE = 5
POLICY_FIELD = 38  # of /proc/PID/stat, counted from the state on
STEP = 0.02


def idle_class_cpu_s(pid):
    """Processor seconds of the hashing threads, which are those of the idle scheduling class."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            stat = (task / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
            if int(stat[POLICY_FIELD]) == SCHED_IDLE:
                total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
        except (OSError, IndexError):
            pass  # the thread has ended
    return total / 1e9


class Machine:
    """Draws idle_w, and swing_w for each processor that hashes; what others draw and the temperature are settable."""

    RANGE_UJ = 50_000_000  # wraps within seconds

    def __init__(self, folder, idle_w=12.0, swing_w=600.0, rapl=True):
        self.root = pathlib.Path(folder, "sys")
        self.idle_w, self.swing_w, self.others_w = idle_w, swing_w, 0.0
        self.pid = None
        self.energy_j = 0.0
        self._package = self.root / "class/powercap/intel-rapl:0"
        self._sensor = self.root / "class/hwmon/hwmon0"
        for directory in (self._package, self._sensor):
            directory.mkdir(parents=True)
        self._put(self._package / "name", "package-0" if rapl else "dram")
        self._put(self._package / "max_energy_range_uj", self.RANGE_UJ)
        self._put(self._sensor / "name", "coretemp")
        self._put(self._sensor / "temp1_crit", 100000)
        self.set_temperature(45)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @staticmethod
    def _put(path, value):
        fresh = path.with_suffix(".new")
        fresh.write_text(f"{value}\n", encoding="ascii")
        fresh.rename(path)

    def set_temperature(self, cpu_c):
        self._put(self._sensor / "temp1_input", round(cpu_c * 1000))

    def lose_sensor(self):
        (self._sensor / "temp1_input").unlink()

    def _run(self):
        last = time.monotonic()
        pid, last_cpu_s = None, 0.0
        while not self._ended.wait(STEP):
            now = time.monotonic()
            if pid != self.pid:
                pid, last_cpu_s = self.pid, idle_class_cpu_s(self.pid) if self.pid else 0.0
            cpu_s = last_cpu_s
            if pid:
                try:
                    cpu_s = max(idle_class_cpu_s(pid), last_cpu_s)
                except OSError:
                    pass  # it has ended
            self.energy_j += (self.idle_w + self.others_w) * (now - last) + self.swing_w * (cpu_s - last_cpu_s)
            last, last_cpu_s = now, cpu_s
            self._put(self._package / "energy_uj", int(self.energy_j * 1e6) % self.RANGE_UJ)

    def average_w(self, seconds):
        """What is drawn over the coming seconds."""
        start, energy_j = time.monotonic(), self.energy_j
        time.sleep(seconds)
        return (self.energy_j - energy_j) / (time.monotonic() - start)

    def stop(self):
        self._ended.set()
        self._thread.join()
