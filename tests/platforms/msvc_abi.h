/* msvc_abi.h - what the core and its tests want of Microsoft's headers and libraries and Wine's lack: for windows.sh,
 * before every source. */
#ifndef CK_MSVC_ABI_H
#define CK_MSVC_ABI_H

#include <time.h>

#define TIME_UTC 1
struct timespec {
    time_t tv_sec;
    long tv_nsec;
};
int _timespec64_get(struct timespec *time, int base);
#define timespec_get _timespec64_get

#define sqrtl(x) sqrt(x) /* there a long double is a double */
#define fabsl(x) fabs(x)

__declspec(selectany) int _fltused; /* a mark that its compilers ask for */

#if defined(_M_ARM64)
#define _InterlockedCompareExchange128 of_wine /* which defines what Clang has built in */
#endif

#endif
