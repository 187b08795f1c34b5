"""The units as they are shipped, under a real systemd: with each example they come up under their own users, groups and system
call filters, and operators may use the API and nothing else."""
import pytest

from lab import installed_units
from lab.product import EXAMPLES, Running, furnished_machine


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with furnished_machine(tmp_path_factory.mktemp("tls")) as host:
        installed_units.add_people(host)
        yield host


@pytest.mark.parametrize("unit", installed_units.EXPOSURE_MAX)
def test_a_unit_may_do_little_that_it_does_not_need(machine, unit):
    installed_units.may_do_little(machine, unit)


@pytest.fixture(scope="module", params=EXAMPLES)
def running(request, machine):
    with Running(machine, request.param) as product:
        yield product


def test_every_unit_serves_with_each_example(running):
    installed_units.serve(running)


def test_a_reload_of_l7_is_another_process_in_its_place(running):
    installed_units.reloads_are_other_processes(running)


def test_operators_use_the_api_and_nothing_else(running):
    installed_units.operators_use_the_api_alone(running)


def test_others_do_not_use_the_api_and_are_told_who_may(running):
    installed_units.others_are_told_who_may(running)
