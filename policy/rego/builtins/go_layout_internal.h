// What the layout sources share: the names of months and days.
#pragma once

#include <string_view>

#include "absl/time/civil_time.h"

namespace nacre::rego {

inline constexpr std::string_view kMonthNames[] = {"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};
inline constexpr std::string_view kWeekDayNames[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                     "Friday", "Saturday", "Sunday"};

std::string_view WeekDayName(const absl::CivilSecond& civil);

}  // namespace nacre::rego
