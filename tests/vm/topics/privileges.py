# SPDX-License-Identifier: BSD-2-Clause
"""Every family runs with the unit's rights alone."""


def results(guest):
    families = {f.name: f.state for f in guest.last_with_self().snapshot.self.families}
    yield guest.result("every family runs", families == dict.fromkeys(("cpu", "mem", "io", "lifecycle"), "FAMILY_STATE_RUNNING"), families)
    yield guest.result("slots are given back", guest.last_with_self().snapshot.self.slots_used < guest.last_with_self().snapshot.self.slots_total / 2)
    for name in ("open1", "closed4"):
        yield guest.result(f"{name} is told of", guest.ended(name), "never reported as ended")
