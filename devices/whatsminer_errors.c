/* The codes that a WhatsMiner reports, by what an owner can do about them. */
#include "devices/whatsminer_codec.h"

/* Known from the tables of pyasic and asic-rs; the last digit is often a hash board or a chip. */
static const struct whatsminer_error errors[] = {
    {100, 134, false, "a fan does not turn as it should"},
    {140, 140, false, "a fan turns too fast"},
    {200, 202, false, "its power supply does not match or gives a wrong voltage"},
    {203, 204, true, "its power supply protects itself from hot air"},
    {205, 205, false, "its power supply gives a wrong current"},
    {206, 207, false, "the mains voltage is too low for its power supply"},
    {208, 217, false, "its power supply is faulty"},
    {218, 218, false, "it needs 230 V or more for its high power mode"},
    {219, 232, false, "its power supply is faulty"},
    {233, 235, true, "the output of its power supply is too hot"},
    {236, 242, false, "its power supply is overloaded or faulty"},
    {243, 245, true, "the input of its power supply is too hot"},
    {246, 249, false, "the mains voltage or current is too high for its power supply"},
    {250, 252, false, "the mains voltage is too low for its power supply"},
    {253, 254, false, "the fan of its power supply does not turn"},
    {255, 257, false, "its power supply is overloaded"},
    {263, 267, false, "its power supply does not answer as it should"},
    {268, 269, false, "its power supply is overloaded"},
    {270, 270, false, "the mains voltage is too high for its power supply"},
    {271, 271, false, "the mains voltage is too low for its power supply"},
    {272, 273, false, "its power supply is near its limit"},
    {274, 274, false, "the fan of its power supply does not turn"},
    {275, 275, true, "its power supply is hot"},
    {276, 299, false, "its power supply is faulty"},
    {300, 329, false, "a temperature sensor cannot be read"},
    {350, 359, true, "a hash board protects itself from heat"},
    {360, 363, true, "a hash board is too hot"},
    {370, 370, false, "the temperature of the air changes too fast"},
    {380, 382, false, "its humidity sensor cannot be read"},
    {383, 383, false, "it protects itself from humidity"},
    {400, 459, false, "the memory of a hash board cannot be read"},
    {500, 599, false, "a hash board is missing or faulty"},
    {600, 610, true, "the air that it takes in is too hot"},
    {700, 799, false, "its control board is faulty"},
    {800, 810, false, "its software is damaged"},
    {900, 902, false, "its power supply does not match"},
    {2000, 2010, false, "it has no pool"},
    {2020, 2029, false, "a pool does not answer"},
    {2030, 2030, false, "its pool refuses many shares"},
    {2040, 2040, false, "its pool does not support AsicBoost"},
    {2310, 2350, false, "its hash rate is too low"},
    {5010, 5049, false, "the chips of a hash board differ too much"},
    {5050, 5059, true, "chips of a hash board protect themselves from heat"},
    {5070, 5079, false, "its water flows too slowly or too fast"},
    {5080, 5099, false, "the temperatures of its chips are not calibrated"},
    {5110, 5179, false, "a hash board does not reach its frequency"},
    {8035, 8035, true, "the air around it is too hot"},
    {8400, 8410, false, "its firmware is too old"},
    {8700, 8700, false, "its power supply does not match"},
    {540000, 549999, true, "a chip protects itself from heat"},
    {520000, 569999, false, "a chip computes wrongly"},
};

const struct whatsminer_error *whatsminer_error(int code)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (code >= errors[i].from && code <= errors[i].to) {
            return &errors[i];
        }
    }
    return NULL;
}
