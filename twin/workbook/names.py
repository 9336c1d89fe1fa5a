"""The names that a Cambridge workbook's tables, rows and cells go by. Nothing about what they mean for a lab."""

from enum import StrEnum


class Stream(StrEnum):
    """Tables of arrivals for each hour of the week."""

    CANCER = "ArrivalScheduleCancer"
    NON_CANCER = "ArrivalScheduleNonCancer"


class Staff(StrEnum):
    """Rows of people in the table of resources."""

    RECEPTION = "Booking-in staff"
    BIOMEDICAL_SCIENTIST = "BMS"
    CUT_UP_ASSISTANT = "Cut-up assistant"
    PROCESSING = "Processing room staff"
    MICROTOMY = "Microtomy staff"
    STAINING = "Staining staff"
    SCANNING = "Scanning staff"
    CHECK = "QC staff"
    PATHOLOGIST = "Histopathologist"


class Machine(StrEnum):
    """Rows of machines in the table of resources."""

    BONE_STATION = "Bone station"
    PROCESSOR = "Processing machine"
    STAINER = "Staining machine"
    COVERSLIPPER = "Coverslip machine"
    SCANNER = "Scanning machine (regular)"
    MEGA_SCANNER = "Scanning machine (megas)"


class Task(StrEnum):
    """Rows of the table of task durations."""

    RECEIVE_AND_SORT = "Receive and sort"
    PRE_BOOKING_INVESTIGATION = "Pre-booking-in investigation"
    BOOKING_INTERNAL = "Booking-in (internal)"
    BOOKING_EXTERNAL = "Booking-in (external)"
    INVESTIGATION_EASY = "Booking-in investigation (internal, easy)"
    INVESTIGATION_HARD = "Booking-in investigation (internal, hard)"
    INVESTIGATION_EXTERNAL = "Booking-in investigation (external)"
    CUT_UP_BMS = "Cut-up (BMS)"
    CUT_UP_POOL = "Cut-up (pool)"
    CUT_UP_LARGE = "Cut-up (large specimens)"
    BONE_STATION_LOAD = "Load bone station"
    DECALCIFICATION = "Decalc"
    BONE_STATION_UNLOAD = "Unload bone station"
    OVEN_LOAD = "Load into decalc oven"
    OVEN_UNLOAD = "Unload from decalc oven"
    PROCESSOR_LOAD = "Load processing machine"
    PROCESSOR_UNLOAD = "Unload processing machine"
    PROCESSING_URGENT = "Processing machine (urgent)"
    PROCESSING_SMALL = "Processing machine (small surgicals)"
    PROCESSING_LARGE = "Processing machine (large surgicals)"
    PROCESSING_MEGA = "Processing machine (megas)"
    EMBEDDING = "Embedding"
    COOLING = "Embedding (cooldown)"
    TRIMMING = "Block trimming"
    MICROTOMY_SERIALS = "Microtomy (serials)"
    MICROTOMY_LEVELS = "Microtomy (levels)"
    MICROTOMY_LARGES = "Microtomy (larges)"
    MICROTOMY_MEGAS = "Microtomy (megas)"
    STAINER_LOAD = "Load staining machine (regular)"
    STAINER_LOAD_MEGA = "Load staining machine (megas)"
    STAINING = "Staining (regular)"
    STAINING_MEGA = "Staining (megas)"
    STAINER_UNLOAD = "Unload staining machine (regular)"
    STAINER_UNLOAD_MEGA = "Unload staining machine (megas)"
    COVERSLIPPER_LOAD = "Load coverslip machine (regular)"
    COVERSLIPPING = "Coverslipping (regular)"
    COVERSLIPPING_MEGA = "Coverslipping (megas)"
    COVERSLIPPER_UNLOAD = "Unload coverslip machine (regular)"
    LABELLING = "Labelling"
    SCANNER_LOAD = "Load scanning machine (regular)"
    SCANNER_LOAD_MEGA = "Load scanning machine (megas)"
    SCANNING = "Scanning (regular)"
    SCANNING_MEGA = "Scanning (megas)"
    SCANNER_UNLOAD = "Unload scanning machine (regular)"
    SCANNER_UNLOAD_MEGA = "Unload scanning machine (megas)"
    CHECK = "Block and quality check"
    ASSIGNMENT = "Assign histopathologist"
    REPORT = "Write histopathological report"


class BatchSize(StrEnum):
    """Rows of the table of batch sizes."""

    TO_CUT_UP = "Delivery (reception to cut-up)"
    TO_PROCESSING = "Delivery (cut-up to processing)"
    TO_MICROTOMY = "Delivery (processing to microtomy)"
    TO_STAINING = "Delivery (microtomy to staining)"
    TO_LABELLING = "Delivery (staining to labelling)"
    TO_SCANNING = "Delivery (labelling to scanning)"
    TO_CHECK = "Delivery (scanning to QC)"
    BONE_STATION = "Bone station (blocks)"
    PROCESSOR = "Processing machine (regular blocks)"
    PROCESSOR_MEGA = "Processing machine (mega blocks)"
    STAINER = "Staining (regular slides)"
    STAINER_MEGA = "Staining (mega slides)"
    SCANNER = "Scanning (regular slides)"
    SCANNER_MEGA = "Scanning (mega slides)"


class Journey(StrEnum):
    """Rows of the table of runner times."""

    TO_CUT_UP = "(reception, cutup)"
    TO_PROCESSING = "(cutup, processing)"
    TO_MICROTOMY = "(processing, microtomy)"
    TO_STAINING = "(microtomy, staining)"
    TO_LABELLING = "(staining, labelling)"
    TO_SCANNING = "(labelling, scanning)"
    TO_CHECK = "(scanning, qc)"


class Runner(StrEnum):
    """Named cells about the runners."""

    SPEED = "runnerSpeed"
    LOADING = "runnerLoadingTime"
    UNLOADING = "runnerUnloadingTime"


class Chance(StrEnum):
    """Named cells that hold a probability."""

    INTERNAL = "ProbInternal"
    URGENT_CANCER = "ProbUrgentCancer"
    URGENT_NON_CANCER = "ProbUrgentNonCancer"
    PRIORITY_CANCER = "ProbPriorityCancer"
    PRIORITY_NON_CANCER = "ProbPriorityNonCancer"
    PRE_BOOKING = "ProbPrebook"
    INVESTIGATION_EASY = "ProbInvestEasy"
    INVESTIGATION_HARD = "ProbInvestHard"
    INVESTIGATION_EXTERNAL = "ProbInvestExternal"
    BMS = "ProbBMSCutup"
    BMS_URGENT = "ProbBMSCutupUrgent"
    LARGE = "ProbLargeCutup"
    LARGE_URGENT = "ProbLargeCutupUrgent"
    POOL = "ProbPoolCutup"
    POOL_URGENT = "ProbPoolCutupUrgent"
    MEGA_BLOCKS = "ProbMegaBlocks"
    BONE_STATION = "ProbDecalcBone"
    OVEN = "ProbDecalcOven"
    LEVELS = "ProbMicrotomyLevels"


class HowMany(StrEnum):
    """Named rows of four cells that hold the distribution of a number of blocks or slides."""

    BLOCKS_LARGE = "NumBlocksLargeSurgical"
    BLOCKS_MEGA = "NumBlocksMega"
    SLIDES_LARGES = "NumSlidesLarges"
    SLIDES_LEVELS = "NumSlidesLevels"
    SLIDES_MEGAS = "NumSlidesMegas"
    SLIDES_SERIALS = "NumSlidesSerials"
