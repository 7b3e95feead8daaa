#include "frame.h"

const char *frame_strerror(int64_t code)
{
    switch (code) {
    case FRAME_E_SHORT: return "frame is cut short";
    case FRAME_E_SUM:   return "wrong checksum";
    case FRAME_E_SPACE: return "output does not fit";
    }
    return code < 0 ? "unknown error" : "no error";
}

const char *frame_build_date(void)
{
    return BUILD_DATE;
}
