# %% Processes that want to outlive the notebook: in sessions of their own, twice forked, with every signal ignored
import os
import signal
import subprocess
import threading
import time

subprocess.Popen(["sleep", "600"], start_new_session=True)
subprocess.Popen("nohup setsid sleep 601 >/dev/null 2>&1 &", shell=True)
if not os.fork():
    os.setsid()
    for number in range(1, 65):
        if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
            signal.signal(number, signal.SIG_IGN)
    if not os.fork():
        os.closerange(0, 1000)
        while True:
            time.sleep(1)
    os._exit(0)
threading.Thread(target=lambda: time.sleep(600)).start()

# %% One that makes another when it is killed
watcher = "import os, time\nwhile True:\n    pid = os.fork()\n    if not pid: os.setsid(); time.sleep(600)\n    os.waitpid(pid, 0)"
subprocess.Popen(["python3", "-c", watcher], start_new_session=True)
import atexit

atexit.register(lambda: subprocess.Popen(["sleep", "602"], start_new_session=True))

# %%
print("still here")
