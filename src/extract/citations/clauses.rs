//! Phrases by which clauses are told apart: where a subject begins and where the sentence goes on.

use std::sync::LazyLock;

use crate::vocabulary::Phrases;

/// Phrases by which clauses are told apart.
pub(super) struct ClausePhrases {
    /// Verbs with which a subject begins directly: "quy định …", "phê duyệt …".
    pub(super) openers: Phrases<()>,
    /// The sentence's own verbs; false for those that need a figure behind them.
    pub(super) resumes: Phrases<bool>,
    /// What begins a new clause behind a comma.
    pub(super) behind_comma: Phrases<()>,
    /// Who may act behind a comma, and the verbs that say that they do.
    pub(super) actors: Phrases<()>,
    pub(super) actions: Phrases<()>,
    /// What begins a new clause behind "và".
    pub(super) behind_and: Phrases<()>,
    /// What begins a bracket that is no part of a title.
    pub(super) remarks: Phrases<()>,
    /// Verbs of issuing.
    pub(super) issues: Phrases<()>,
    /// The same, read backwards.
    pub(super) issuing: Phrases<()>,
}

pub(super) fn phrases() -> &'static ClausePhrases {
    static PHRASES: LazyLock<ClausePhrases> = LazyLock::new(|| {
        let set = |list: &str| {
            let mut phrases = Phrases::over_marks();
            for phrase in list.split(';') {
                phrases.insert(phrase, ());
            }
            phrases
        };
        let mut resumes = Phrases::forwards();
        for phrase in RESUMES.split(';') {
            resumes.insert(phrase, true);
        }
        for phrase in RESUMES_BEFORE_FIGURES.split(';') {
            resumes.insert(phrase, false);
        }
        let mut issuing = Phrases::backwards();
        for phrase in ISSUING.split(';') {
            issuing.insert(phrase, ());
        }
        ClausePhrases {
            openers: set(OPENERS),
            resumes,
            behind_comma: set(BEHIND_COMMA),
            actors: set(ACTORS),
            actions: set(ACTIONS),
            behind_and: set(BEHIND_AND),
            remarks: set(REMARKS),
            issues: set("ban hành;ký ban hành;xây dựng;ký;tham mưu;đồng thời ban hành;đồng thời;có;ra;trình"),
            issuing,
        }
    });
    &PHRASES
}

const OPENERS: &str = "ban hành;quy định;thực hiện;triển khai;tổ chức;phê duyệt;phê chuẩn;hướng dẫn;kiểm tra;giám sát;\
    sửa đổi;bổ sung;bãi bỏ;hủy bỏ;thay thế;công bố;công nhận;thành lập;kiện toàn;tăng cường;đẩy mạnh;nâng cao;chấn chỉnh;\
    đôn đốc;giao;phân công;phân cấp;phân bổ;điều chỉnh;đề nghị;yêu cầu;cho ý kiến;khen thưởng;tập trung;phối hợp;tổng kết;\
    sơ kết;phát động;xử lý;rà soát;góp ý;chỉ đạo;thông báo;quán triệt;phòng chống;ứng phó;khắc phục;bảo đảm;đảm bảo;hỗ trợ;\
    cải cách;xây dựng;phát triển;tuyên truyền;thi hành;cụ thể hóa;đánh giá;bổ nhiệm;thu hồi;tiếp tục;đổi mới;phát huy;\
    hợp nhất;sắp xếp;quy hoạch;lãnh đạo;ủy quyền;thẩm định;thanh tra;củng cố;báo cáo;kết luận;trả lời;mời;cử;chuyển;một số";

const RESUMES: &str = "đã;được thực hiện;được triển khai;được duy trì;được ban hành;được tổ chức;cơ bản;như sau;trong đó;\
    đến nay;theo đó;qua đó;cũng;vẫn;đang;gắn với các;gắn với việc;gắn với thực hiện;gắn với triển khai;\
    gắn với nhiệm vụ;sẽ;đạt kết quả;bảo đảm đúng;nhằm;nêu trên;nói trên";

const RESUMES_BEFORE_FIGURES: &str = "là;với;cho;tại;đạt;có;gồm;còn;được;tổng số;qua";

const BEHIND_COMMA: &str = "đến nay;trong đó;qua đó;theo đó;từ đó;đồng thời;trong năm;trong kỳ;trong quý;trong tháng;\
    gắn với;hai;ba;chỉ đạo;giao các;giao cho;giao sở;giao UBND;giao trách nhiệm;yêu cầu;áp dụng;nhân rộng;kết quả đạt;\
    kết quả đã;kết quả là;góp phần;nhằm;tạo điều kiện;tạo sự;tạo chuyển biến;toàn tỉnh;toàn huyện;toàn xã;toàn thành phố;\
    toàn ngành;đã;cơ bản;nhất là;đặc biệt là;cụ thể;bao gồm;gồm;như;hoàn thành;sau khi;sau;trên cơ sở;khi;ngay;phân công;\
    kèm theo;có;với;tham mưu;theo;là;được;do;phấn đấu;xem xét;để;cùng với;đôn đốc;trong thời gian;hằng năm;hàng năm;bên cạnh";

/// Who may act behind a comma, when a verb follows: ", các sở, ngành đã …".
const ACTORS: &str = "các;lực lượng;chính quyền;cấp ủy;cán bộ;đơn vị;cơ quan;địa phương;công an;quân đội;đài;trường;nhân dân;đồng chí;người đứng đầu";

const ACTIONS: &str = "đã;tập trung;triển khai;thực hiện;chủ động;tích cực;tổ chức;ban hành;xây dựng;phối hợp;tiếp tục;phân công;\
    chỉ đạo;báo cáo;quán triệt;tham mưu;kịp thời;gọi hỏi;tiến hành;đẩy mạnh;tăng cường;rà soát;cơ bản;thường xuyên;hoàn thành";

const BEHIND_AND: &str = "phối hợp với;giao;chỉ đạo;đã;yêu cầu;ban hành;các văn bản;các nội dung;các kế hoạch;các nhiệm vụ;\
    được;các quy định;các chỉ thị;các nghị quyết;văn bản;tham mưu;trình;báo cáo kết quả;triển khai đến";

const REMARKS: &str =
    "sau đây;gọi;gọi tắt;gọi chung;viết tắt;có hiệu lực;kèm theo;đã;nay;thay thế;theo;trong đó;cũ;mới;khóa;nhiệm kỳ";

const ISSUING: &str = "ban hành;ký ban hành;xây dựng;có;ký;ký kết;thông qua;phê duyệt;phê duyệt tại;tham mưu;gửi;ra;\
    xây dựng và ban hành;ban hành mới;triển khai;trình";
