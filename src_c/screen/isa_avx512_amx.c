#include "coarse.h"
