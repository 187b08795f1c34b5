// The facilities of syslog that a program may log under, by the names that rsyslog has for them (RFC 5424 6.2.1).
#pragma once

#include <cstdint>
#include <string>

#include "conf/form.h"

namespace cardea::conf {

Form<std::string> facility_form();
uint8_t facility_number(const std::string& name);  // of a name that the form took

}  // namespace cardea::conf
