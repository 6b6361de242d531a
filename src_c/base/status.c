#include <stddef.h>

#include "base.h"

const char *ck_version(void) { return CK_VERSION; }

const char *ck_status_name(int status)
{
    static const char *const names[] = {
        "CK_OK",           "CK_ERROR_MEMORY", "CK_ERROR_NOT_FINITE", "CK_ERROR_STOPPED", "CK_ERROR_TOO_FEW_ROWS",
        "CK_ERROR_FORKED", "CK_ERROR_UNKNOWN"};
    const int n_names = (int)(sizeof names / sizeof *names);
    return status <= 0 && status > -n_names ? names[-status] : NULL;
}
